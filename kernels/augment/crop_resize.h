// Crop, antialiased resize and optional mirror of a picture of 8 or 16 bits into planar floats.
#pragma once
#include "kernels/augment/crop_resize_core.h"
#include "kernels/device.h"

#include <cstdint>

namespace sslrun::kernels {

/// One view: which part of which picture, and where it goes.
struct CropResizeView {
  const void* picture;                    // [rows, picture_width, channels] interleaved
  std::int64_t picture_width;             // pixels per row of the picture
  std::int64_t left, top, width, height;  // the crop, in pixels; inside the picture, at least 1 x 1
  bool flip;                              // mirror left-right after resizing
  float* out;                             // [channels, out_height, out_width] in [0, 1]
};

struct CropResizeArgs {
  const CropResizeView* views;  // [num_views], where the device reads it
  std::int64_t num_views;
  std::int64_t out_height, out_width;
  float* scratch;  // Cpu: crop_resize_scratch() floats for the widest crop; Cuda: not used
  ResizeFilter filter = ResizeFilter::kBilinear;
  std::int64_t channels = 3;
  bool wide = false;  // samples of 16 bits, 0..65535, instead of bytes
};

/// Floats of scratch that the Cpu driver needs for crops of at most crop_width columns.
std::int64_t crop_resize_scratch(std::int64_t crop_width,
                                 std::int64_t out_width,
                                 ResizeFilter filter = ResizeFilter::kBilinear,
                                 std::int64_t channels = 3);

/// Equals torch.nn.functional.interpolate(antialias=True) in mode "bilinear" or "bicubic" on the
/// crop divided by 255 (65535 where it is wide), clamped to [0, 1], up to rounding. Cpu: one thread, views in order, no allocation.
void crop_resize(const CropResizeArgs& args, Cpu device);
void crop_resize(const CropResizeArgs& args, Cuda device);

}  // namespace sslrun::kernels
