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

/// encoder_rank_me and encoder_effective_rank of the features of a data set, of at most ten times as
/// many images as there are features: all that they need. shapes: x_NF [N, F], float32, CPU.
std::vector<std::pair<std::string, double>> describe_features(const at::Tensor& x_NF);

}  // namespace sslrun::train
