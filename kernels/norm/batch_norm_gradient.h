#pragma once
#include "kernels/device.h"
#include "kernels/norm/batch_norm_gradient_core.h"

#include <cstdint>

namespace sslrun::kernels {

/// The gradient of batch norm for its input, of sums that are known: dx = scale * (dy - dy_mean - (x -
/// mean) * slope), with the coefficients of an element's channel.
/// shapes    dy, x, dx [outer, channels, inner], dense: [N, C, H W] or, channels last, [N H W, C, 1];
///           dx may be dy. Coefficients [channels]. In the device's memory.
/// units     scale = weight / sigma; slope = mean of dy (x - mean), over sigma^2; sigma^2 = variance + eps.
/// numerics  in float32, of float64 in float64; element by element: no bit depends on the number of
///           threads; with FMA where the processor has it.
/// memory    reads dy and x once, writes dx once.
/// errors    none for the data. A failed launch throws DeviceError.
/// source    Ioffe, Szegedy 2015, arXiv:1502.03167, section 3.
template <class Stored>  // float, double, or std::uint16_t: the bits of a bfloat16
struct BatchNormGradientArgs {
  const Stored *dy, *x;
  Stored* dx;
  const Computed<Stored>*scale, *mean, *dy_mean, *slope;
  std::int64_t outer, channels, inner;
};

template <class Stored>
void batch_norm_gradient(const BatchNormGradientArgs<Stored>& args, Cpu device);
template <class Stored>
void batch_norm_gradient(const BatchNormGradientArgs<Stored>& args, Cuda device);

}  // namespace sslrun::kernels
