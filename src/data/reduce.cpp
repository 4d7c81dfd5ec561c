#include "data/reduce.h"

#include "kernels/augment/crop_resize.h"

#include <algorithm>
#include <cstring>
#include <vector>

namespace sslrun::data {

namespace {

// Planes of the whole image resized, in the thread's own memory until the next call.
template <class Sample, class Resized>
const std::vector<Resized>& resized_planes(const image::Image& image,
                                           std::int64_t height,
                                           std::int64_t width) {
  thread_local std::vector<Resized> planes;
  const auto size = static_cast<std::size_t>(image.channels * height * width);
  if (planes.size() < size) planes.resize(size);
  const kernels::CropResizeView<Sample, Resized> view{
      .picture = reinterpret_cast<const Sample*>(image.pixels.data()),
      .picture_width = image.width,
      .left = 0,
      .top = 0,
      .width = image.width,
      .height = image.height,
      .flip = false,
      .out = planes.data()};
  kernels::crop_resize({&view, 1, height, width, kernels::ResizeFilter::kBilinear, image.channels},
                       kernels::Cpu{});
  return planes;
}

std::uint8_t sample_of(std::uint8_t value) {
  return value;
}

std::uint16_t sample_of(float value) {
  return static_cast<std::uint16_t>(value * 65535 + 0.5F);
}

// Planes -> interleaved samples.
template <class Resized>
void interleave(const std::vector<Resized>& planes, image::Image& out) {
  const std::int64_t plane = out.width * out.height;
  std::uint8_t* to = out.pixels.data();
  for (std::int64_t k = 0; k < plane; ++k) {
    for (std::int64_t c = 0; c < out.channels; ++c) {
      const auto sample = sample_of(planes[static_cast<std::size_t>(c * plane + k)]);
      std::memcpy(to, &sample, sizeof sample);
      to += sizeof sample;
    }
  }
}

}  // namespace

void reduce(image::Image& image, std::int64_t short_side) {
  const std::int64_t shorter = std::min(image.width, image.height);
  if (shorter <= short_side) return;
  const std::int64_t width = image.width * short_side / shorter;
  const std::int64_t height = image.height * short_side / shorter;
  if (image.bits == 16) {
    const auto& planes = resized_planes<std::uint16_t, float>(image, height, width);
    image.reshape(width, height, image.channels, 16);
    interleave(planes, image);
  } else {
    const auto& planes = resized_planes<std::uint8_t, std::uint8_t>(image, height, width);
    image.reshape(width, height, image.channels, 8);
    interleave(planes, image);
  }
}

}  // namespace sslrun::data
