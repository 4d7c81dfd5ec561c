// Weighted k-nearest-neighbour classification of features.  N bank rows, M query rows, F features,
// C classes.
#pragma once
#include "eval/features.h"

#include <nlohmann/json_fwd.hpp>

#include <cstdint>
#include <vector>

namespace sslrun::eval {

struct KnnScore {
  std::int64_t k = 0;  // as used: at most N
  double temperature = 0;
  double top1 = 0, top5 = 0;  // fractions of 1
};

struct KnnResult {
  std::vector<KnnScore> table;  // k by temperature, in the order given
  std::int64_t train_images = 0, val_images = 0;

  /// The best row by top1; the first of equals.
  const KnnScore& best() const;
};

/// Classifies every query row by a vote of its k nearest bank rows.
/// numerics  rows are L2-normalised; similarity is the cosine in float32; a neighbour votes for its
///           class with weight exp(similarity / temperature), summed in float64 in order of
///           similarity; of equal classes the smaller number wins. Needs memory for 64 MiB of
///           similarities at a time, whatever N and M.
/// errors    DataError unless both have labels.
/// source    Wu et al. 2018, arXiv:1805.01978; facebookresearch/dino eval_knn.py.
KnnResult knn(const Features& bank,
              const Features& query,
              const std::vector<std::int64_t>& ks,
              const std::vector<double>& temperatures);

}  // namespace sslrun::eval
