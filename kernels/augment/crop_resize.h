// Crop, antialiased resize and optional mirror of a picture: bytes to bytes, 16 bits to floats.
#pragma once
#include "kernels/augment/crop_resize_core.h"
#include "kernels/device.h"

#include <cstdint>

namespace sslrun::kernels {

/// One view: which part of which picture, and where it goes. Sample, Resized: std::uint8_t both, or
/// std::uint16_t and float.
template <class Sample, class Resized>
struct CropResizeView {
  const Sample* picture;                  // [rows, picture_width, channels] interleaved
  std::int64_t picture_width;             // pixels per row of the picture
  std::int64_t left, top, width, height;  // the crop, in pixels; inside the picture, at least 1 x 1
  bool flip;                              // mirror left-right after resizing
  Resized* out;  // [channels, out_height, out_width] planar; floats in [0, 1]
};

template <class Sample, class Resized>
struct CropResizeArgs {
  const CropResizeView<Sample, Resized>* views;  // [num_views], where the device reads it
  std::int64_t num_views;
  std::int64_t out_height, out_width;
  ResizeFilter filter = ResizeFilter::kBilinear;
  std::int64_t channels = 3;
};

using ByteCropView = CropResizeView<std::uint8_t, std::uint8_t>;
using ByteCropArgs = CropResizeArgs<std::uint8_t, std::uint8_t>;
using WideCropView = CropResizeView<std::uint16_t, float>;
using WideCropArgs = CropResizeArgs<std::uint16_t, float>;

/// Bytes equal Pillow's crop() and resize() with BILINEAR or BICUBIC, on both devices and with every
/// instruction set. 16 bits equal torch.nn.functional.interpolate(antialias=True) on the crop
/// divided by 65535, clamped to [0, 1], up to rounding.
/// Cpu: one thread, views in order; allocates nothing once the calling thread has met its largest
/// crop.
void crop_resize(const ByteCropArgs& args, Cpu device);
void crop_resize(const WideCropArgs& args, Cpu device);
void crop_resize(const ByteCropArgs& args, Cuda device);
void crop_resize(const WideCropArgs& args, Cuda device);

}  // namespace sslrun::kernels
