#include "views/eval_transform.h"

#include "base/error.h"
#include "kernels/augment/crop_resize.h"

#include <algorithm>
#include <cmath>
#include <vector>

namespace sslrun::views {

namespace {

constexpr std::int64_t kSmallestCentreCrop = 64;

// Ties to even, as Python's round.
std::int64_t half(std::int64_t n) {
  return static_cast<std::int64_t>(std::nearbyint(static_cast<double>(n) / 2.0));
}

float* grown(std::vector<float>& memory, std::int64_t n) {
  if (static_cast<std::int64_t>(memory.size()) < n) memory.resize(static_cast<std::size_t>(n));
  return memory.data();
}

}  // namespace

EvalTransform::EvalTransform(std::int64_t size, const ChannelStats& stats)
    : size_(size),
      short_side_(size < kSmallestCentreCrop
                      ? size
                      : std::llround(static_cast<double>(size) * 256.0 / 224.0)),
      stats_(stats) {
  check_invariant(size >= 1, "an evaluation view has a side of at least one pixel");
}

void EvalTransform::run(const image::Image& image, float* out_HWC) const {
  check_invariant(image.channels == 3 && image.width > 0 && image.height > 0,
                  "an image to view is RGB and not empty");
  thread_local std::vector<float> resized_memory, cut_memory, scratch_memory;
  const std::int64_t shorter = std::min(image.height, image.width);
  const std::int64_t height = short_side_ * image.height / shorter,
                     width = short_side_ * image.width / shorter;
  float* resized = grown(resized_memory, 3 * height * width);
  const kernels::CropResizeView whole{.picture = image.pixels.data(),
                                      .picture_width = image.width,
                                      .left = 0,
                                      .top = 0,
                                      .width = image.width,
                                      .height = image.height,
                                      .flip = false,
                                      .out = resized};
  float* scratch = grown(scratch_memory, kernels::crop_resize_scratch(image.width, width));
  kernels::crop_resize({&whole, 1, height, width, scratch}, kernels::Cpu{});
  float* cut = grown(cut_memory, shape().size());
  const std::int64_t top = half(height - size_), left = half(width - size_);
  for (std::int64_t row = 0; row < 3 * size_; ++row) {
    const std::int64_t c = row / size_, y = row % size_;
    std::copy_n(resized + (c * height + top + y) * width + left, size_, cut + row * size_);
  }
  apply_stats(stats_, shape(), cut, out_HWC);
}

}  // namespace sslrun::views
