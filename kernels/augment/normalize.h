// (x - mean) / std per channel, from planar to interleaved pixels.
#pragma once
#include "kernels/device.h"

#include <cstdint>

namespace sslrun::kernels {

/// The most channels that a picture may have.
constexpr std::int64_t kMaxChannels = 64;

struct NormalizeView {
  const float* pixels;  // [channels, num_pixels] planar
  float* out;           // [num_pixels, channels] interleaved; apart from pixels
};

struct NormalizeArgs {
  const NormalizeView* views;  // [num_views], where the device reads it
  std::int64_t num_views;
  std::int64_t num_pixels;  // height * width
  // std > 0; 0 and 1 leave the values as they are
  float mean[kMaxChannels], std[kMaxChannels];
  std::int64_t channels = 3;  // at most kMaxChannels
};

/// Cpu: one thread, views in order.
void normalize(const NormalizeArgs& args, Cpu device);
void normalize(const NormalizeArgs& args, Cuda device);

}  // namespace sslrun::kernels
