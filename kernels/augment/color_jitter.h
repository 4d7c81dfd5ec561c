// Brightness, contrast, saturation and hue in a given order, then grayscale on request, in place.
#pragma once
#include "kernels/augment/color_jitter_core.h"
#include "kernels/device.h"

#include <cstdint>

namespace sslrun::kernels {

struct ColorJitterView {
  float* pixels;                   // [3, num_pixels] planar, in [0, 1]; changed in place
  JitterStep steps[kJitterSteps];  // done in this order
  bool grayscale;                  // then every channel becomes .2989 R + .587 G + .114 B
};

struct ColorJitterArgs {
  const ColorJitterView* views;  // [num_views], where the device reads it
  std::int64_t num_views;
  std::int64_t num_pixels;  // height * width
};

/// Equals torchvision's adjust_* functions on float tensors, one after the other, up to rounding.
/// Cpu: one thread, views in order, no allocation. Cuda: the mean grey is summed in the same order
/// as on the Cpu.
void color_jitter(const ColorJitterArgs& args, Cpu device);
void color_jitter(const ColorJitterArgs& args, Cuda device);

}  // namespace sslrun::kernels
