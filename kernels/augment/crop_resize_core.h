// Arithmetic of crop_resize: antialiased bilinear and bicubic taps as
// torch.nn.functional.interpolate(mode=.., antialias=True, align_corners=False) has them on float
// pictures (ATen/native/cpu/UpSampleKernel.cpp). A pixel is sum_x weight_x * (sum_y (weight_y / 255)
// * byte), taps from left to right and from top to bottom, clamped to [0, 1]: a cubic overshoots.
#pragma once
#include "kernels/host_device.h"

#include <cmath>
#include <cstdint>

namespace sslrun::kernels {

enum class ResizeFilter : std::int32_t { kBilinear, kBicubic };

/// Half the width of a filter, in positions of the coarser of the two grids.
SSLRUN_HD float filter_reach(ResizeFilter filter) {
  return filter == ResizeFilter::kBicubic ? 2.f : 1.f;
}

/// Triangle, or Keys' cubic with a = -1/2, at distance x >= 0. source: Keys 1981, equation 8.
SSLRUN_HD float filter_at(ResizeFilter filter, float x) {
  if (filter == ResizeFilter::kBilinear) return x < 1.f ? 1.f - x : 0.f;
  if (x < 1.f) return (1.5f * x - 2.5f) * x * x + 1.f;
  return x < 2.f ? ((-.5f * x + 2.5f) * x - 4.f) * x + 2.f : 0.f;
}

/// The input positions of one axis that make one output position: begin, begin + 1, ..., begin +
/// count - 1.
struct ResizeTaps {
  std::int64_t begin, count;
  float inv_scale, center, inv_total;
  ResizeFilter filter;

  SSLRUN_HD float raw_weight(std::int64_t k) const {
    return filter_at(filter, fabsf((static_cast<float>(k + begin) - center + 0.5f) * inv_scale));
  }

  /// Weight of tap k; the weights of the taps sum to 1.
  SSLRUN_HD float weight(std::int64_t k) const { return raw_weight(k) * inv_total; }
};

/// Taps of output position i when `in` positions become `out`. in, out >= 1, 0 <= i < out.
SSLRUN_HD ResizeTaps resize_taps(std::int64_t i,
                                 std::int64_t in,
                                 std::int64_t out,
                                 ResizeFilter filter) {
  const float scale = static_cast<float>(in) / static_cast<float>(out);
  const float stretch = scale >= 1.f ? scale : 1.f;
  const float support = filter_reach(filter) * stretch;
  ResizeTaps t;
  t.filter = filter;
  t.center = scale * (static_cast<float>(i) + 0.5f);
  t.inv_scale = 1.f / stretch;
  t.begin = static_cast<std::int64_t>(t.center - support + 0.5f);
  if (t.begin < 0) t.begin = 0;
  std::int64_t end = static_cast<std::int64_t>(t.center + support + 0.5f);
  if (end > in) end = in;
  t.count = end - t.begin;
  float total = 0.f;
  for (std::int64_t k = 0; k < t.count; ++k) total += t.raw_weight(k);
  t.inv_total = 1.f / total;
  return t;
}

/// The most taps that an output position can have.
SSLRUN_HD std::int64_t max_resize_taps(std::int64_t in, std::int64_t out, ResizeFilter filter) {
  const std::int64_t stretch = in > out ? (in + out - 1) / out : 1;
  return (filter == ResizeFilter::kBicubic ? 4 : 2) * stretch + 1;
}

/// Weight of a sample (0..255, or 0..65535) in a sum over rows that is to lie in [0, 1].
SSLRUN_HD float sample_weight(float weight, bool wide) {
  return weight * (wide ? 1.f / 65535.f : 1.f / 255.f);
}

template <class Sample>
SSLRUN_HD float add_sample(float sum, float weight, Sample sample) {
  return sum + weight * static_cast<float>(sample);
}

SSLRUN_HD float add_tap(float sum, float weight, float value) {
  return sum + weight * value;
}

SSLRUN_HD float in_range(float x) {
  return x < 0.f ? 0.f : x > 1.f ? 1.f : x;
}

/// Column of the crop's own orientation that output column x shows.
SSLRUN_HD std::int64_t unflipped(std::int64_t x, std::int64_t width, bool flip) {
  return flip ? width - 1 - x : x;
}

}  // namespace sslrun::kernels
