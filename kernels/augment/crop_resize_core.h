// Arithmetic of crop_resize: the crop of a picture, resized as Pillow does it (crop(), then resize()
// with BILINEAR or BICUBIC; source: Pillow 13, src/libImaging/Resample.c), in one pass along x and one
// along y, in the order that y_first() says.
// Bytes: weights of 22 fractional bits, sums rounded to nearest and cut to 0..255 after each of the
// two passes, so every byte equals Pillow's. 16 bits: along y first, in float32, nothing is rounded
// or cut before the end, and the result is on the scale of [0, 1].
// Weights are float64 without contraction: equal on every processor.
#pragma once
#include "kernels/host_device.h"

#include <cmath>
#include <cstdint>

namespace sslrun::kernels {

enum class ResizeFilter : std::int32_t { kBilinear, kBicubic };

/// Fractional bits of an integer weight: 32, less 8 of the sample, less 2 for what a cubic overshoots.
constexpr int kWeightBits = 22;

/// Half the width of a filter, in positions of the coarser of the two grids.
SSLRUN_HD double filter_reach(ResizeFilter filter) {
  return filter == ResizeFilter::kBicubic ? 2.0 : 1.0;
}

/// Triangle, or Keys' cubic with a = -1/2. source: Keys 1981, equation 8; the order of Pillow.
SSLRUN_HD double filter_at(ResizeFilter filter, double x) {
  const double d = x < 0.0 ? -x : x;
  if (filter == ResizeFilter::kBilinear) return d < 1.0 ? 1.0 - d : 0.0;
  const double near = (1.5 * d - 2.5) * d * d + 1.0;
  const double far = (((d - 5.0) * d + 8.0) * d - 4.0) * -0.5;
  return d < 1.0 ? near : d < 2.0 ? far : 0.0;
}

/// One axis of a resize: `in` positions become some number of positions, `scale` apart.
struct ResizeAxis {
  std::int32_t in;
  double scale, inv_stretch, reach;
  ResizeFilter filter;
};

/// in, out >= 1.
SSLRUN_HD ResizeAxis resize_axis(std::int64_t in, std::int64_t out, ResizeFilter filter) {
  const double scale = static_cast<double>(in) / static_cast<double>(out);
  const double stretch = scale < 1.0 ? 1.0 : scale;
  return {
      static_cast<std::int32_t>(in), scale, 1.0 / stretch, filter_reach(filter) * stretch, filter};
}

/// The most input positions that an output position can have.
SSLRUN_HD std::int64_t max_resize_taps(const ResizeAxis& axis) {
  return 2 * static_cast<std::int64_t>(ceil(axis.reach)) + 1;
}

/// The input positions of an axis that make one output position: begin, begin + 1, ..., begin +
/// count - 1.
struct ResizeTaps {
  std::int32_t begin, count;
  double center;
};

SSLRUN_HD ResizeTaps resize_taps(const ResizeAxis& axis, std::int64_t i) {
  const double center = (static_cast<double>(i) + 0.5) * axis.scale;
  const auto begin = static_cast<std::int32_t>(center - axis.reach + 0.5);
  const auto end = static_cast<std::int32_t>(center + axis.reach + 0.5);
  const std::int32_t first = begin < 0 ? 0 : begin;
  return {first, (end > axis.in ? axis.in : end) - first, center};
}

/// Weight of tap k before all are divided by their sum, which is taken from the first to the last.
SSLRUN_HD double raw_weight(const ResizeAxis& axis, const ResizeTaps& taps, std::int32_t k) {
  const double at = static_cast<double>(taps.begin + k) - taps.center + 0.5;
  return filter_at(axis.filter, at * axis.inv_stretch);
}

SSLRUN_HD double total_weight(const ResizeAxis& axis, const ResizeTaps& taps) {
  double total = 0.0;
  for (std::int32_t k = 0; k < taps.count; ++k) total += raw_weight(axis, taps, k);
  return total;
}

/// A weight as an integer, halves away from 0.
SSLRUN_HD std::int32_t integer_weight(double weight) {
  const double scaled = weight * static_cast<double>(1 << kWeightBits);
  return static_cast<std::int32_t>(weight < 0.0 ? scaled - 0.5 : scaled + 0.5);
}

/// Which pass of bytes comes first: it decides what is rounded when. Found by comparing both orders
/// with Pillow 13 on 2843 random sizes; Pillow 12 and before always begin along x.
SSLRUN_HD bool y_first(std::int64_t height,
                       std::int64_t width,
                       std::int64_t out_height,
                       std::int64_t out_width) {
  return height > out_height && height - out_height > 2 * (width - out_width);
}

/// What a sum of integer weights times bytes begins with: half a level.
constexpr std::int32_t kRoundSum = 1 << (kWeightBits - 1);

/// The byte that such a sum stands for.
SSLRUN_HD std::uint8_t sum_to_byte(std::int32_t sum) {
  const std::int32_t level = sum >> kWeightBits;
  return static_cast<std::uint8_t>(level < 0 ? 0 : level > 255 ? 255 : level);
}

/// What a sum of weights times 16-bit samples stands for.
SSLRUN_HD float sum_to_unit(float sum) {
  const float x = sum * (1.f / 65535.f);
  return x < 0.f ? 0.f : x > 1.f ? 1.f : x;
}

/// Column of the crop's own orientation that output column x shows.
SSLRUN_HD std::int64_t unflipped(std::int64_t x, std::int64_t width, bool flip) {
  return flip ? width - 1 - x : x;
}

}  // namespace sslrun::kernels
