// (x - mean) / std per channel, from planar to interleaved pixels.
#pragma once
#include "kernels/device.h"

#include <cstdint>

namespace sslrun::kernels {

struct NormalizeView {
  const float* pixels;  // [3, num_pixels] planar
  float* out;           // [num_pixels, 3] interleaved; apart from pixels
};

struct NormalizeArgs {
  const NormalizeView* views;  // [num_views], where the device reads it
  std::int64_t num_views;
  std::int64_t num_pixels;  // height * width
  float mean[3], std[3];    // std > 0; 0 and 1 leave the values as they are
};

/// Cpu: one thread, views in order.
void normalize(const NormalizeArgs& args, Cpu device);
void normalize(const NormalizeArgs& args, Cuda device);

}  // namespace sslrun::kernels
