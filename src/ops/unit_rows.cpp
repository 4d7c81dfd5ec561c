#include "ops/unit_rows.h"

#include "ops/autocast.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>

namespace sslrun::ops {

at::Tensor unit_rows(const at::Tensor& x_ND) {
  const at::Tensor wide_ND = at_full_precision(x_ND);
  return wide_ND / wide_ND.norm(2, {1}, /*keepdim=*/true).clamp_min(1e-12);
}

at::Tensor negative_cosine(const at::Tensor& p_ND, const at::Tensor& t_ND) {
  return -(unit_rows(p_ND) * unit_rows(t_ND)).sum(1).mean();
}

}  // namespace sslrun::ops
