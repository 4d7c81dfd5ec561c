#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

namespace sslrun::ops {

/// The tensors of a step, as parallel lists; followers and halves are empty, or have one for each
/// parameter, an undefined tensor where it has none.
struct AdamWEmaTensors {
  std::vector<at::Tensor> parameters, gradients, exp_avgs, exp_avg_sqs;
  std::vector<at::Tensor> followers = {};  // moving averages of the parameters
  std::vector<at::Tensor> halves = {};     // copies in bfloat16
};

/// count: steps of these parameters, this one included. tau: share of a follower that stays.
struct AdamWEmaKeys {
  double lr, beta1, beta2, eps, weight_decay;
  std::int64_t count;
  double tau = 1;
};

/// A step of AdamW in place, with moving averages and bfloat16 copies of the new parameters made in
/// the same sweep over memory.
/// shapes    the tensors of a parameter have its shape and strides, dense, float32 (halves: bfloat16),
///           on one device for all.
/// errors    a tensor that is not so is a bug of the caller: nothing is changed then.
/// source    kernels/optim/adamw_ema.h.
void adamw_ema_(const AdamWEmaTensors& tensors, const AdamWEmaKeys& keys);

}  // namespace sslrun::ops
