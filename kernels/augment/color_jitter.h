// Operations on single pixels, in a given order: brightness, contrast, saturation, hue, grey and
// solarize; from bytes or floats, in place or to normalised pixels.
#pragma once
#include "kernels/augment/color_jitter_core.h"
#include "kernels/device.h"

#include <cstdint>

namespace sslrun::kernels {

struct ColorJitterView {
  float* pixels;                       // [3, num_pixels] planar, in [0, 1]; changed in place
  ToneStep steps[kMaxToneSteps] = {};  // done in this order
  const std::uint8_t* bytes =
      nullptr;  // [3, num_pixels] planar; where given, pixels begin as these
  // [num_pixels, 3] interleaved, apart from the others. Where given it gets the result, normalised,
  // and pixels are unspecified.
  float* out = nullptr;
};

struct ColorJitterArgs {
  const ColorJitterView* views;  // [num_views], where the device reads it
  std::int64_t num_views;
  std::int64_t num_pixels;  // height * width
  float mean[3] = {0.f, 0.f, 0.f};
  float std[3] = {1.f, 1.f, 1.f};  // > 0
};

/// Equals torchvision's adjust_* functions on float tensors, one after the other, up to rounding;
/// out is (x - mean) / std of it.
/// Cpu: one thread, views in order, no allocation; the same floats with every instruction set. Cuda:
/// the mean grey is summed in the same order as on the Cpu.
void color_jitter(const ColorJitterArgs& args, Cpu device);
void color_jitter(const ColorJitterArgs& args, Cuda device);

}  // namespace sslrun::kernels
