#include "methods/corruption.h"

#include "base/error.h"

#include <algorithm>
#include <cmath>

namespace sslrun::methods {
namespace {

constexpr int kMostBlocks = 32;

// Returns how many pixels were not hidden before.
std::int64_t hide(std::int64_t top,
                  std::int64_t left,
                  std::int64_t rows,
                  std::int64_t columns,
                  std::int64_t width,
                  float* hidden) {
  std::int64_t fresh = 0;
  for (std::int64_t y = top; y < top + rows; ++y) {
    float* const row = hidden + y * width + left;
    fresh += columns - std::count(row, row + columns, 1.0f);
    std::fill_n(row, columns, 1.0f);
  }
  return fresh;
}

void hide_blocks(double share, std::int64_t height, std::int64_t width, Rng& rng, float* hidden) {
  const std::int64_t side = std::min(height, width);
  const std::int64_t least = std::max<std::int64_t>(1, side / 8);
  const std::int64_t most = std::max<std::int64_t>(1, side / 4);
  const auto limit = static_cast<std::int64_t>(share * static_cast<double>(height * width));
  std::int64_t area = 0;
  for (int block = 0; block < kMostBlocks; ++block) {
    const std::int64_t n = least + rng.below(most - least + 1);
    const std::int64_t top = rng.below(height - n + 1), left = rng.below(width - n + 1);
    if (block > 0 && area + n * n > limit) return;
    area += hide(top, left, n, n, width, hidden);
  }
}

}  // namespace

void draw_corruption(const Corruption& corruption,
                     std::int64_t channels,
                     std::int64_t height,
                     std::int64_t width,
                     Rng& rng,
                     float* noise,
                     float* hidden) {
  const std::int64_t pixels = height * width;
  if (corruption.kind == "gaussian_noise") {
    for (std::int64_t i = 0; i < channels * pixels; ++i)
      noise[i] = static_cast<float>(corruption.sigma * rng.normal());
  } else if (corruption.kind == "pixel_dropout") {
    for (std::int64_t i = 0; i < pixels; ++i)
      hidden[i] = rng.uniform() < corruption.share ? 1.0f : 0.0f;
  } else if (corruption.kind == "center_block") {
    const double scale = std::sqrt(corruption.share);
    const auto rows = std::lround(scale * static_cast<double>(height));
    const auto columns = std::lround(scale * static_cast<double>(width));
    hide((height - rows) / 2, (width - columns) / 2, rows, columns, width, hidden);
  } else {
    check_invariant(corruption.kind == "random_blocks",
                    "a corruption is one that the recipe lists");
    hide_blocks(corruption.share, height, width, rng, hidden);
  }
}

}  // namespace sslrun::methods
