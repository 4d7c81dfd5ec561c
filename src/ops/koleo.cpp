#include "ops/koleo.h"

#include "base/error.h"
#include "ops/autocast.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/core/grad_mode.h>

namespace sslrun::ops {
namespace {

constexpr double kEps = 1e-8;

at::Tensor nearest(const at::Tensor& x_ND) {
  const at::NoGradGuard no_grad;
  const at::Tensor cosines_NN = x_ND.matmul(x_ND.t());
  cosines_NN.fill_diagonal_(-1);
  return cosines_NN.argmax(1);
}

}  // namespace

at::Tensor koleo(const at::Tensor& x_ND) {
  if (x_ND.dim() != 2 || x_ND.size(0) < 2)
    throw UsageError("rows of koleo must be [N, D] with N >= 2");
  const FullPrecision full(x_ND.device());
  const at::Tensor wide_ND = at_full_precision(x_ND);
  const at::Tensor unit_ND = wide_ND / wide_ND.norm(2, {1}, /*keepdim=*/true).clamp_min(kEps);
  const at::Tensor apart_ND = unit_ND - unit_ND.index_select(0, nearest(unit_ND)) + kEps;
  return -(apart_ND.norm(2, {1}) + kEps).log().mean();
}

}  // namespace sslrun::ops
