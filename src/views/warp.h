// Views whose pixels are taken from elsewhere in the view.
#pragma once
#include "views/view_op.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <optional>

namespace sslrun::views {

/// A point of a view in pixels; whole numbers are pixel centres.
struct Point {
  double y = 0, x = 0;
};

/// Pixel (y, x) becomes the bilinear mean of the four around from(y, x). Outside the view lies
/// `fill`, or, without it, what the nearest edge pixel has.
/// source    torch.nn.functional.grid_sample(align_corners=False), padding zeros or border; fill as
///           torchvision 0.26 blends it in
template <class From>
void warp(Canvas& canvas, std::optional<float> fill, From&& from) {
  const auto [height, width, channels] = canvas.shape();
  const std::int64_t plane = height * width;
  float* before = canvas.scratch(canvas.shape().size());
  float* pixels = canvas.pixels();
  std::copy_n(pixels, canvas.shape().size(), before);
  const auto last_y = static_cast<double>(height - 1), last_x = static_cast<double>(width - 1);
  for (std::int64_t y = 0; y < height; ++y) {
    for (std::int64_t x = 0; x < width; ++x) {
      Point p = from(y, x);
      const bool near = p.y > -1 && p.y < last_y + 1 && p.x > -1 && p.x < last_x + 1;
      float* out = pixels + y * width + x;
      if (fill && !near) {  // also where p is no number
        for (std::int64_t c = 0; c < channels; ++c) out[c * plane] = *fill;
        continue;
      }
      if (!fill) p = {std::clamp(p.y, 0.0, last_y), std::clamp(p.x, 0.0, last_x)};
      const double top = std::floor(p.y), left = std::floor(p.x);
      const auto v = static_cast<float>(p.y - top), u = static_cast<float>(p.x - left);
      const std::array<float, 4> weights{(1 - v) * (1 - u), (1 - v) * u, v * (1 - u), v * u};
      std::array<std::int64_t, 4> places{};
      for (std::size_t k = 0; k < 4; ++k) {
        const std::int64_t i = static_cast<std::int64_t>(top) + (k >= 2 ? 1 : 0);
        const std::int64_t j = static_cast<std::int64_t>(left) + (k % 2 ? 1 : 0);
        const bool inside = i >= 0 && i < height && j >= 0 && j < width;
        places[k] = inside ? i * width + j : -1;
      }
      for (std::int64_t c = 0; c < channels; ++c) {
        float sum = 0;
        for (std::size_t k = 0; k < 4; ++k)  // without fill, what lies outside weighs nothing
          sum += weights[k] * (places[k] >= 0 ? before[c * plane + places[k]] : fill.value_or(0));
        out[c * plane] = sum;
      }
    }
  }
}

/// A turn, a shift, a zoom and a slant about the view's centre.
/// units: degrees clockwise, shift in pixels to the right and down, zoom > 0, slant in degrees.
struct AffineMap {
  double degrees = 0, shift_x = 0, shift_y = 0, zoom = 1, slant = 0;
};

/// source    torchvision 0.26 functional.affine, bilinear
void warp_affine(Canvas& canvas, const AffineMap& map, float fill);

/// Moves the corners (top left, top right, bottom right, bottom left) of the view to these points.
/// source    torchvision 0.26 functional.perspective, bilinear: corners are (0, 0) .. (height - 1,
///           width - 1), pixels are taken at their centres, half a pixel further
void warp_perspective(Canvas& canvas, const std::array<Point, 4>& corners, float fill);

}  // namespace sslrun::views
