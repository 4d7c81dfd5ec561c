#include "kernels/augment/color_jitter.h"

#include "kernels/augment/color_jitter_core.h"
#include "kernels/augment/interleave.h"
#include "kernels/augment/unit_core.h"
#include "kernels/simd.h"

#include <algorithm>
#include <array>
#include <cstddef>

namespace sslrun::kernels {
namespace {

using GrayLanes = std::array<float, kGrayLanes>;

// At most kGrayLanes pixels, which stay in the first-level cache from step to step.
struct Chunk {
  float *r, *g, *b;
  std::int64_t n;
};

// change(pixel) on every pixel. Inlined into one function per step, which are the ones dispatched.
template <class Change>
[[gnu::always_inline]] inline void each(const Chunk& c, Change change) {
  float* __restrict r = c.r, * __restrict g = c.g, * __restrict b = c.b;
  for (std::int64_t i = 0; i < c.n; ++i) {
    const Rgb p = change(Rgb{r[i], g[i], b[i]});
    r[i] = p.r, g[i] = p.g, b[i] = p.b;
  }
}

SSLRUN_CLONES void adjust_brightness(const Chunk& c, float factor) {
  each(c, [=](Rgb p) { return brightness(p, factor); });
}

SSLRUN_CLONES void adjust_contrast(const Chunk& c, float factor, float mean) {
  each(c, [=](Rgb p) { return contrast(p, factor, mean); });
}

SSLRUN_CLONES void adjust_saturation(const Chunk& c, float factor) {
  each(c, [=](Rgb p) { return saturation(p, factor); });
}

SSLRUN_CLONES void adjust_hue(const Chunk& c, float turns) {
  each(c, [=](Rgb p) { return hue(p, turns); });
}

SSLRUN_CLONES void to_gray(const Chunk& c) {
  each(c, [](Rgb p) { return gray_pixel(p); });
}

SSLRUN_CLONES void to_solarized(const Chunk& c, ToneStep step) {
  each(c, [=](Rgb p) {
    return Rgb{
        solarized(p.r, step.amount), solarized(p.g, step.amount), solarized(p.b, step.amount)};
  });
}

SSLRUN_CLONES void to_posterized(const Chunk& c, int bits) {
  each(c, [=](Rgb p) {
    return Rgb{posterized(p.r, bits), posterized(p.g, bits), posterized(p.b, bits)};
  });
}

void adjust_chunk(const Chunk& c, ToneStep s, float mean) {
  switch (s.op) {
    case ToneOp::kNone:
      return;
    case ToneOp::kBrightness:
      return adjust_brightness(c, s.amount);
    case ToneOp::kContrast:
      return adjust_contrast(c, s.amount, mean);
    case ToneOp::kSaturation:
      return adjust_saturation(c, s.amount);
    case ToneOp::kHue:
      return adjust_hue(c, s.amount);
    case ToneOp::kGrayscale:
      return to_gray(c);
    case ToneOp::kSolarize:
      return to_solarized(c, s);
    case ToneOp::kPosterize:
      return to_posterized(c, static_cast<int>(s.amount));
  }
}

SSLRUN_CLONES void add_gray(const Chunk& c, float* __restrict lanes) {
  const float* __restrict r = c.r, * __restrict g = c.g, * __restrict b = c.b;
  for (std::int64_t i = 0; i < c.n; ++i) lanes[i] += gray({r[i], g[i], b[i]});
}

float merge(GrayLanes& lanes) {
  for (int step = kGrayLanes / 2; step > 0; step /= 2)
    for (int j = 0; j < step; ++j) {
      const std::size_t lane = static_cast<std::size_t>(j);
      lanes[lane] += lanes[lane + static_cast<std::size_t>(step)];
    }
  return lanes[0];
}

SSLRUN_CLONES void to_units(const std::uint8_t* __restrict bytes,
                            std::int64_t n,
                            float* __restrict to) {
  for (std::int64_t i = 0; i < n; ++i) to[i] = byte_to_unit(bytes[i]);
}

// Steps [begin, end) over the picture. The first sweep takes the bytes where there are some; the
// last one delivers; the others add up the grey for the contrast step that follows.
struct Sweep {
  int begin, end;
  float mean;

  bool first() const { return begin == 0; }

  bool last() const { return end == kMaxToneSteps; }
};

void run_sweep(const ColorJitterView& v, const ColorJitterArgs& a, Sweep s, GrayLanes& lanes) {
  alignas(64) float buffer[3][kGrayLanes];
  const bool from_bytes = s.first() && v.bytes != nullptr;
  const bool deliver = s.last() && v.out != nullptr;
  for (std::int64_t i = 0; i < a.num_pixels; i += kGrayLanes) {
    const std::int64_t n = std::min<std::int64_t>(kGrayLanes, a.num_pixels - i);
    Chunk c{v.pixels + i, v.pixels + a.num_pixels + i, v.pixels + 2 * a.num_pixels + i, n};
    if (deliver && from_bytes) c = {buffer[0], buffer[1], buffer[2], n};
    if (from_bytes) {
      int plane = 0;
      for (float* to : {c.r, c.g, c.b}) to_units(v.bytes + plane++ * a.num_pixels + i, n, to);
    }
    for (int step = s.begin; step < s.end; ++step) adjust_chunk(c, v.steps[step], s.mean);
    if (!s.last()) add_gray(c, lanes.data());
    if (deliver) normalize_rgb({c.r, c.g, c.b}, n, a.mean, a.std, v.out + 3 * i);
  }
}

void color_jitter_one(const ColorJitterView& v, const ColorJitterArgs& a) {
  Sweep sweep{0, next_contrast(v.steps, 0), 0.f};
  for (;;) {
    GrayLanes lanes{};
    run_sweep(v, a, sweep, lanes);
    if (sweep.last()) return;
    const float mean = merge(lanes) / static_cast<float>(a.num_pixels);
    sweep = {sweep.end, next_contrast(v.steps, sweep.end + 1), mean};
  }
}

}  // namespace

void color_jitter(const ColorJitterArgs& a, Cpu) {
  for (std::int64_t i = 0; i < a.num_views; ++i) color_jitter_one(a.views[i], a);
}

}  // namespace sslrun::kernels
