#include "views/resize_image.h"

#include "base/error.h"
#include "kernels/augment/unit_core.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <string_view>
#include <vector>

namespace sslrun::views {

namespace {

constexpr std::array<std::string_view, 2> kFilters{"bilinear", "bicubic"};

// Ties to even, as Python's round.
std::int64_t half(std::int64_t n) {
  return static_cast<std::int64_t>(std::nearbyint(static_cast<double>(n) / 2.0));
}

// The box of what is decoded of the image.
template <class View, class Sample, class Out>
View view_of(const image::Image& image,
             const Box& box,
             bool flip,
             const Sample* samples,
             Out* out) {
  const std::int64_t left = box.left - image.left, top = box.top - image.top;
  check_invariant(
      left >= 0 && top >= 0 && left + box.width <= image.width && top + box.height <= image.height,
      "the decoded part holds the box");
  return {.picture = samples,
          .picture_width = image.width,
          .left = left,
          .top = top,
          .width = box.width,
          .height = box.height,
          .flip = flip,
          .out = out};
}

}  // namespace

void Interpolation::bind(config::Fields& f) {
  f.choice("interpolation", name, kFilters, "filter of the antialiased resize");
}

void resize_bytes(const image::Image& image,
                  const Box& box,
                  kernels::ResizeFilter filter,
                  bool flip,
                  std::int64_t height,
                  std::int64_t width,
                  std::uint8_t* out) {
  check_invariant(image.bits == 8, "an image that is resized to bytes has 8 bits");
  const auto view = view_of<kernels::ByteCropView>(image, box, flip, image.pixels.data(), out);
  kernels::crop_resize({&view, 1, height, width, filter, image.channels}, kernels::Cpu{});
}

void resize_box(const image::Image& image,
                const Box& box,
                kernels::ResizeFilter filter,
                std::int64_t height,
                std::int64_t width,
                float* out,
                bool flip) {
  if (image.bits == 16) {
    const auto* samples = reinterpret_cast<const std::uint16_t*>(image.pixels.data());
    const auto view = view_of<kernels::WideCropView>(image, box, flip, samples, out);
    kernels::crop_resize({&view, 1, height, width, filter, image.channels}, kernels::Cpu{});
    return;
  }
  thread_local std::vector<std::uint8_t> bytes;
  const auto size = static_cast<std::size_t>(image.channels * height * width);
  if (bytes.size() < size) bytes.resize(size);
  resize_bytes(image, box, filter, flip, height, width, bytes.data());
  for (std::size_t i = 0; i < size; ++i) out[i] = kernels::byte_to_unit(bytes[i]);
}

Resized resize_short(const image::Image& image,
                     std::int64_t short_side,
                     kernels::ResizeFilter filter) {
  thread_local std::vector<float> pixels;
  const std::int64_t shorter = std::min(image.height, image.width);
  const std::int64_t height = short_side * image.height / shorter,
                     width = short_side * image.width / shorter;
  const auto room = static_cast<std::size_t>(image.channels * height * width);
  if (pixels.size() < room) pixels.resize(room);
  const Box whole{0, 0, image.height, image.width};
  resize_box(image, whole, filter, height, width, pixels.data());
  return {height, width, pixels.data()};
}

void resize_centre(const image::Image& image,
                   std::int64_t short_side,
                   std::int64_t size,
                   kernels::ResizeFilter filter,
                   float* out) {
  const Resized resized = resize_short(image, short_side, filter);
  const std::int64_t top = half(resized.height - size), left = half(resized.width - size);
  for (std::int64_t row = 0; row < image.channels * size; ++row, out += size) {
    const std::int64_t y = row / size * resized.height + top + row % size;
    std::copy_n(resized.pixels + y * resized.width + left, size, out);
  }
}

}  // namespace sslrun::views
