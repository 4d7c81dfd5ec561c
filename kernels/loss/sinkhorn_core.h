// Arithmetic of Sinkhorn's iterations on scalars. No other file may repeat it.
// Order of summation, on every device: a sample's exponentials as log_sum_exp_core.h says; a
// prototype's share over the samples of a block of kSinkhornRows in their order, the blocks in theirs.
#pragma once
#include "kernels/host_device.h"
#include "kernels/loss/log_sum_exp_core.h"

#include <cstdint>

namespace sslrun::kernels {

constexpr int kSinkhornRows = 64;

/// Logarithm of what a prototype would get of a sample, but for the sample's own scale.
SSLRUN_HD float sinkhorn_log_weight(float score, float inv_eps, float log_scale) {
  return score * inv_eps - log_scale;
}

/// What a prototype gets of a sample.
SSLRUN_HD float sinkhorn_part(float log_weight, float max, float inv_sum) {
  const float log_part = log_weight - max;
  return exp_nonpositive(log_part > 0.f ? 0.f : log_part) * inv_sum;
}

}  // namespace sslrun::kernels
