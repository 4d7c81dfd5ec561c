#pragma once
#include <ATen/core/Tensor.h>

#include <span>
#include <string>
#include <utility>
#include <vector>

namespace sslrun::train {

/// rank_me, effective_rank and uniformity of the first of `embeddings`, and alignment where there are
/// two (ops/representation.h), of at most 512 rows. shapes: [N, D] each, StepResult::embeddings.
std::vector<std::pair<std::string, double>> describe(std::span<const at::Tensor> embeddings);

}  // namespace sslrun::train
