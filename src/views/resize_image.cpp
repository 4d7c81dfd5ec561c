#include "views/resize_image.h"

#include "base/error.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <string_view>

namespace sslrun::views {

namespace {

constexpr std::array<std::string_view, 2> kFilters{"bilinear", "bicubic"};

// Ties to even, as Python's round.
std::int64_t half(std::int64_t n) {
  return static_cast<std::int64_t>(std::nearbyint(static_cast<double>(n) / 2.0));
}

}  // namespace

void Interpolation::bind(config::Fields& f) {
  f.choice("interpolation", name, kFilters, "filter of the antialiased resize");
}

void resize_box(const image::Image& image,
                const Box& box,
                kernels::ResizeFilter filter,
                std::int64_t height,
                std::int64_t width,
                std::vector<float>& scratch,
                float* out) {
  const std::int64_t left = box.left - image.left, top = box.top - image.top;
  check_invariant(
      left >= 0 && top >= 0 && left + box.width <= image.width && top + box.height <= image.height,
      "the decoded part holds the box");
  const auto room = static_cast<std::size_t>(
      kernels::crop_resize_scratch(box.width, width, filter, image.channels));
  if (scratch.size() < room) scratch.resize(room);
  const kernels::CropResizeView view{.picture = image.pixels.data(),
                                     .picture_width = image.width,
                                     .left = left,
                                     .top = top,
                                     .width = box.width,
                                     .height = box.height,
                                     .flip = false,
                                     .out = out};
  kernels::crop_resize(
      {&view, 1, height, width, scratch.data(), filter, image.channels, image.bits == 16},
      kernels::Cpu{});
}

void resize_centre(const image::Image& image,
                   std::int64_t short_side,
                   std::int64_t size,
                   kernels::ResizeFilter filter,
                   std::vector<float>& scratch,
                   float* out) {
  thread_local std::vector<float> resized;
  const std::int64_t shorter = std::min(image.height, image.width);
  const std::int64_t height = short_side * image.height / shorter,
                     width = short_side * image.width / shorter;
  const auto room = static_cast<std::size_t>(image.channels * height * width);
  if (resized.size() < room) resized.resize(room);
  const Box whole{0, 0, image.height, image.width};
  resize_box(image, whole, filter, height, width, scratch, resized.data());
  const std::int64_t top = half(height - size), left = half(width - size);
  for (std::int64_t row = 0; row < image.channels * size; ++row) {
    const std::int64_t c = row / size, y = row % size;
    std::copy_n(resized.data() + (c * height + top + y) * width + left, size, out + row * size);
  }
}

}  // namespace sslrun::views
