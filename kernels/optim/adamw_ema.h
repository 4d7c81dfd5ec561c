#pragma once
#include "kernels/device.h"
#include "kernels/optim/adamw_ema_core.h"

#include <cstdint>
#include <span>

namespace sslrun::kernels {

/// A step of AdamW over one tensor, and in the same sweep over memory its moving average and its
/// copy in bfloat16: w -= lr wd w; Adam with bias correction, eps added to the root; follower = tau
/// follower + (1 - tau) w; half = bfloat16(w), to nearest even.
/// shapes    all [size], dense, in one order, no aliasing, in the device's memory.
/// numerics  float32, element by element: no bit depends on the number of threads; with FMA where
///           the processor has it.
/// memory    reads weight, gradient, moments and follower once, writes all but the gradient once.
/// errors    none for the data. A failed launch throws DeviceError.
/// source    torch.optim.AdamW of PyTorch 2.11; He et al. 2020, arXiv:1911.05722, equation 2.
struct AdamWEmaArgs {
  float* weight;
  const float* gradient;
  float *exp_avg, *exp_avg_sq;
  float* follower;      // null: none
  std::uint16_t* half;  // bits of bfloat16; null: none
  std::int64_t size;
};

void adamw_ema(std::span<const AdamWEmaArgs> tensors, const AdamWEmaStep& step, Cpu device);
void adamw_ema(std::span<const AdamWEmaArgs> tensors, const AdamWEmaStep& step, Cuda device);

}  // namespace sslrun::kernels
