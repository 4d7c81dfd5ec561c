// An image or a part of it, resized to the pixels of a view.
#pragma once
#include "config/fields.h"
#include "image/image.h"
#include "kernels/augment/crop_resize.h"

#include <cstdint>
#include <string>

namespace sslrun::views {

using image::Box;

/// The recipe key `interpolation` of the operations that resize.
struct Interpolation {
  std::string name = "bilinear";

  void bind(config::Fields& f);

  kernels::ResizeFilter filter() const {
    return name == "bicubic" ? kernels::ResizeFilter::kBicubic : kernels::ResizeFilter::kBilinear;
  }
};

/// The box of an image of 8 bits, as Pillow's crop and resize make it, mirrored on request; the
/// image holds the box (it is the whole one, or a part). shapes: out [channels, height, width].
void resize_bytes(const image::Image& image,
                  const Box& box,
                  kernels::ResizeFilter filter,
                  bool flip,
                  std::int64_t height,
                  std::int64_t width,
                  std::uint8_t* out);

/// The same for 8 or 16 bits, float32 in [0, 1]: byte / 255, or sample / 65535 interpolated in
/// float32.
void resize_box(const image::Image& image,
                const Box& box,
                kernels::ResizeFilter filter,
                std::int64_t height,
                std::int64_t width,
                float* out,
                bool flip = false);

/// An image whose short side was resized; pixels [channels, height, width] float32 in [0, 1] are the
/// calling thread's and valid until its next resize_short().
struct Resized {
  std::int64_t height = 0, width = 0;
  const float* pixels = nullptr;
};

/// Resizes the short side to short_side >= 1; the long side is int(short_side * long / short).
/// source    torchvision 0.26 Resize(short_side).
Resized resize_short(const image::Image& image,
                     std::int64_t short_side,
                     kernels::ResizeFilter filter);

/// Resizes the short side to short_side >= size and keeps the centre [size, size].
/// shapes    out [channels, size, size] float32 in [0, 1].
/// source    torchvision 0.26 Resize(short_side), CenterCrop(size).
void resize_centre(const image::Image& image,
                   std::int64_t short_side,
                   std::int64_t size,
                   kernels::ResizeFilter filter,
                   float* out);

}  // namespace sslrun::views
