// Gaussian blur of planar pictures, in place.
#pragma once
#include "kernels/device.h"

#include <cstdint>

namespace sslrun::kernels {

struct GaussianBlurView {
  float* pixels;  // [channels, height, width] planar; changed in place
  float sigma;    // in pixels; not above 0: the view stays as it is
};

struct GaussianBlurArgs {
  const GaussianBlurView* views;  // [num_views], where the device reads it
  std::int64_t num_views;
  std::int64_t height, width;
  std::int64_t radius;  // taps on each side, 0..64; may exceed the picture
  float* scratch;       // gaussian_blur_scratch() floats
  std::int64_t channels = 3;
};

/// Floats of scratch: one padded plane on the Cpu, all pictures on a Cuda device.
std::int64_t gaussian_blur_scratch(std::int64_t height,
                                   std::int64_t width,
                                   std::int64_t radius,
                                   Cpu device);
std::int64_t gaussian_blur_scratch(std::int64_t height,
                                   std::int64_t width,
                                   std::int64_t num_views,
                                   Cuda device,
                                   std::int64_t channels = 3);

/// Equals torchvision's gaussian_blur with kernel_size 2 * radius + 1, up to rounding.
/// Cpu: one thread, views in order, no allocation. errors: a radius outside 0..64 is a bug of the
/// caller.
void gaussian_blur(const GaussianBlurArgs& args, Cpu device);
void gaussian_blur(const GaussianBlurArgs& args, Cuda device);

}  // namespace sslrun::kernels
