// A linear classifier on frozen features.  N rows, F features, C classes, G learning rates.
#pragma once
#include "eval/features.h"

#include <cstdint>
#include <functional>
#include <vector>

namespace sslrun::eval {

struct ProbeOptions {
  std::int64_t epochs = 100;
  std::int64_t batch_size = 256;
  /// Tried side by side; the one that is best on held-out training rows is reported.
  std::vector<double> learning_rates = {0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10};
  std::uint32_t seed = 0;
  std::function<void(std::int64_t epoch)> progress = {};  // after each epoch; may be empty
};

struct ProbeScore {
  double lr = 0;
  double held_out_top1 = 0;  // on the rows of the training set that the classifier did not see
  double top1 = 0, top5 = 0;
};

struct ProbeResult {
  std::vector<ProbeScore> table;  // in the order of the learning rates
  std::size_t chosen = 0;         // best on the held-out rows; the first of equals
  std::int64_t train_images = 0, held_out_images = 0, val_images = 0;
};

/// Trains G classifiers in one pass over the features, and scores them on `val`.
/// numerics  features are standardised with the training rows' mean and deviation per dimension;
///           weights and bias start at 0; SGD with momentum 0.9, cosine to 0 per step, no weight
///           decay, softmax cross entropy, all in float32; batches follow a keyed permutation of
///           `seed`, so the result is the same every time. The learning rate is chosen on every
///           tenth training row of such a permutation, which is left out of the training: val
///           decides nothing.
/// errors    DataError unless both have labels, and train has at least 20 rows.
/// source    protocol between SimCLR's (zero head, SGD 0.9, cosine) and DINOv2's grid trained side
///           by side.
ProbeResult linear_probe(const Features& train, const Features& val, const ProbeOptions& options);

}  // namespace sslrun::eval
