#include "ops/embedding_std.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>

namespace sslrun::ops {

at::Tensor embedding_std(const at::Tensor& z_ND) {
  const at::Tensor x_ND = z_ND.detach().to(at::kFloat);
  const at::Tensor unit_ND = x_ND / x_ND.norm(2, {1}, /*keepdim=*/true).clamp_min(1e-12);
  return unit_ND.std(0, /*unbiased=*/false).mean();
}

}  // namespace sslrun::ops
