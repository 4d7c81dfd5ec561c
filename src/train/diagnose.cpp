#include "train/diagnose.h"

#include "ops/representation.h"
#include "ops/rows.h"

namespace sslrun::train {
namespace {

constexpr std::int64_t kMostRows = 512;

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

}  // namespace sslrun::train
