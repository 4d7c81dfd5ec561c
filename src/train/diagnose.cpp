#include "train/diagnose.h"

#include "ops/representation.h"

#include <algorithm>

namespace sslrun::train {
namespace {

constexpr std::int64_t kMostRows = 512;

at::Tensor first_rows(const at::Tensor& x_ND) {
  return x_ND.narrow(0, 0, std::min(x_ND.size(0), kMostRows));
}

}  // namespace

std::vector<std::pair<std::string, double>> describe(std::span<const at::Tensor> embeddings) {
  if (embeddings.empty()) return {};
  const at::Tensor z_ND = first_rows(embeddings[0]);
  std::vector<std::pair<std::string, double>> out = {{"rank_me", ops::rank_me(z_ND)},
                                                     {"effective_rank", ops::effective_rank(z_ND)},
                                                     {"uniformity", ops::uniformity(z_ND)}};
  if (embeddings.size() > 1)
    out.emplace_back("alignment", ops::alignment(z_ND, first_rows(embeddings[1])));
  return out;
}

}  // namespace sslrun::train
