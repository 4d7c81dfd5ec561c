#include "kernels/augment/color_jitter.h"

#include "kernels/augment/color_jitter_core.h"
#include "kernels/simd.h"

#include <algorithm>
#include <array>
#include <cstddef>

namespace sslrun::kernels {
namespace {

using GrayLanes = std::array<float, kGrayLanes>;

// The loops below work on a chunk of at most kGrayLanes pixels, which stays in the first-level
// cache between steps.
SSLRUN_CLONES void adjust_brightness(float* __restrict r,
                                     float* __restrict g,
                                     float* __restrict b,
                                     std::int64_t n,
                                     float factor) {
  for (std::int64_t i = 0; i < n; ++i) {
    const Rgb p = brightness({r[i], g[i], b[i]}, factor);
    r[i] = p.r, g[i] = p.g, b[i] = p.b;
  }
}

SSLRUN_CLONES void adjust_contrast(float* __restrict r,
                                   float* __restrict g,
                                   float* __restrict b,
                                   std::int64_t n,
                                   float factor,
                                   float mean) {
  for (std::int64_t i = 0; i < n; ++i) {
    const Rgb p = contrast({r[i], g[i], b[i]}, factor, mean);
    r[i] = p.r, g[i] = p.g, b[i] = p.b;
  }
}

SSLRUN_CLONES void adjust_saturation(float* __restrict r,
                                     float* __restrict g,
                                     float* __restrict b,
                                     std::int64_t n,
                                     float factor) {
  for (std::int64_t i = 0; i < n; ++i) {
    const Rgb p = saturation({r[i], g[i], b[i]}, factor);
    r[i] = p.r, g[i] = p.g, b[i] = p.b;
  }
}

SSLRUN_CLONES void adjust_hue(float* __restrict r,
                              float* __restrict g,
                              float* __restrict b,
                              std::int64_t n,
                              float turns) {
  for (std::int64_t i = 0; i < n; ++i) {
    const Rgb p = hue({r[i], g[i], b[i]}, turns);
    r[i] = p.r, g[i] = p.g, b[i] = p.b;
  }
}

SSLRUN_CLONES void to_gray(float* __restrict r,
                           float* __restrict g,
                           float* __restrict b,
                           std::int64_t n) {
  for (std::int64_t i = 0; i < n; ++i) {
    const Rgb p = gray_pixel({r[i], g[i], b[i]});
    r[i] = p.r, g[i] = p.g, b[i] = p.b;
  }
}

SSLRUN_CLONES void add_gray(const float* __restrict r,
                            const float* __restrict g,
                            const float* __restrict b,
                            std::int64_t n,
                            float* __restrict lanes) {
  for (std::int64_t i = 0; i < n; ++i) lanes[i] += gray({r[i], g[i], b[i]});
}

float merge(GrayLanes& lanes) {
  for (int step = kGrayLanes / 2; step > 0; step /= 2)
    for (int j = 0; j < step; ++j) {
      const std::size_t lane = static_cast<std::size_t>(j);
      lanes[lane] += lanes[lane + static_cast<std::size_t>(step)];
    }
  return lanes[0];
}

void adjust_chunk(JitterStep s, float mean, float* r, float* g, float* b, std::int64_t n) {
  switch (s.op) {
    case JitterOp::kNone:
      return;
    case JitterOp::kBrightness:
      return adjust_brightness(r, g, b, n, s.factor);
    case JitterOp::kContrast:
      return adjust_contrast(r, g, b, n, s.factor, mean);
    case JitterOp::kSaturation:
      return adjust_saturation(r, g, b, n, s.factor);
    case JitterOp::kHue:
      return adjust_hue(r, g, b, n, s.factor);
  }
}

void color_jitter_one(const ColorJitterView& v, std::int64_t num_pixels) {
  float mean = 0.f;
  int begin = 0, end = next_contrast(v.steps, 0);
  for (;;) {
    GrayLanes lanes{};
    const bool last = end == kJitterSteps;
    for (std::int64_t i = 0; i < num_pixels; i += kGrayLanes) {
      const std::int64_t n = std::min<std::int64_t>(kGrayLanes, num_pixels - i);
      float *r = v.pixels + i, *g = r + num_pixels, *b = g + num_pixels;
      for (int s = begin; s < end; ++s) adjust_chunk(v.steps[s], mean, r, g, b, n);
      if (!last) add_gray(r, g, b, n, lanes.data());
      if (last && v.grayscale) to_gray(r, g, b, n);
    }
    if (last) return;
    mean = merge(lanes) / static_cast<float>(num_pixels);
    begin = end;
    end = next_contrast(v.steps, begin + 1);
  }
}

}  // namespace

void color_jitter(const ColorJitterArgs& a, Cpu) {
  for (std::int64_t i = 0; i < a.num_views; ++i) color_jitter_one(a.views[i], a.num_pixels);
}

}  // namespace sslrun::kernels
