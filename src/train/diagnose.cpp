#include "train/diagnose.h"

#include "eval/features.h"
#include "ops/representation.h"
#include "ops/rows.h"

#include <algorithm>

namespace sslrun::train {
namespace {

constexpr std::int64_t kMostRows = 512;
constexpr std::int64_t kRowsPerFeature = 10;

}  // namespace

std::vector<std::pair<std::string, double>> describe(std::span<const at::Tensor> embeddings) {
  if (embeddings.empty()) return {};
  const at::Tensor z_ND = ops::first_rows(embeddings[0], kMostRows);
  std::vector<std::pair<std::string, double>> out = {{"rank_me", ops::rank_me(z_ND)},
                                                     {"effective_rank", ops::effective_rank(z_ND)},
                                                     {"uniformity", ops::uniformity(z_ND)}};
  if (embeddings.size() > 1)
    out.emplace_back("alignment", ops::alignment(z_ND, ops::first_rows(embeddings[1], kMostRows)));
  return out;
}

std::vector<std::pair<std::string, double>> describe_features(const at::Tensor& x_NF) {
  // Drawn: neighbours in a data set are of one class.
  const std::int64_t most = std::min(x_NF.size(0), kRowsPerFeature * x_NF.size(1));
  const at::Tensor some_NF =
      x_NF.index_select(0, ops::indices(eval::draw_samples(x_NF.size(0), most), x_NF.device()));
  return {{"encoder_rank_me", ops::rank_me(some_NF)},
          {"encoder_effective_rank", ops::effective_rank(some_NF)}};
}

}  // namespace sslrun::train
