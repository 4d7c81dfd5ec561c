#include "nn/layer_norm.h"

#include "nn/init.h"

#include <ATen/ops/layer_norm.h>

namespace sslrun::nn {

LayerNorm::LayerNorm(std::int64_t features, bool affine, double eps)
    : features_(features), eps_(eps) {
  if (!affine) return;
  weight_D_ = register_parameter("weight", Init::constant({features}, 1));
  bias_D_ = register_parameter("bias", Init::constant({features}, 0));
}

at::Tensor LayerNorm::forward(const at::Tensor& x_NTD) const {
  return at::layer_norm(x_NTD, {features_}, weight_D_, bias_D_, eps_);
}

}  // namespace sslrun::nn
