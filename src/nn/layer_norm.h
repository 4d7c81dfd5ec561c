// N rows, T tokens, D features, the last dimension.
#pragma once
#include "nn/module.h"

#include <cstdint>

namespace sslrun::nn {

/// y = (x - mean) / sqrt(var + eps) * weight + bias over the last dimension, as torch.nn.LayerNorm:
/// biased variance, weight starts at 1 and bias at 0.
/// source    Ba et al. 2016, arXiv:1607.06450.
class LayerNorm final : public Module {
 public:
  /// affine: false leaves weight and bias out. eps: 1e-6 in vision transformers, 1e-5 in PyTorch.
  explicit LayerNorm(std::int64_t features, bool affine = true, double eps = 1e-6);

  /// [.., D] -> the same shape. Statistics are float32 under bf16 autocast too.
  at::Tensor forward(const at::Tensor& x_NTD) const;

 private:
  std::int64_t features_;
  double eps_;
  at::Tensor weight_D_, bias_D_;
};

}  // namespace sslrun::nn
