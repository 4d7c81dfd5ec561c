#include "ops/feature_prediction.h"

#include "ops/autocast.h"

#include <ATen/ops/layer_norm.h>
#include <ATen/ops/smooth_l1_loss.h>

namespace sslrun::ops {

at::Tensor smooth_l1(const at::Tensor& predicted_NTD, const at::Tensor& target_NTD) {
  const FullPrecision full(predicted_NTD.device());
  return at::smooth_l1_loss(at_full_precision(predicted_NTD),
                            at_full_precision(target_NTD).detach());
}

at::Tensor normalize_tokens(const at::Tensor& x_NTD) {
  const FullPrecision full(x_NTD.device());
  return at::layer_norm(at_full_precision(x_NTD).detach(), {x_NTD.size(-1)});
}

}  // namespace sslrun::ops
