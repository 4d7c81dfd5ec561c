#include "kernels/augment/normalize.h"

#include "kernels/augment/normalize_core.h"
#include "kernels/simd.h"

namespace sslrun::kernels {
namespace {

SSLRUN_CLONES void normalize_one(const float* __restrict r,
                                 const float* __restrict g,
                                 const float* __restrict b,
                                 std::int64_t n,
                                 const float* mean,
                                 const float* std,
                                 float* __restrict out) {
  const float m0 = mean[0], m1 = mean[1], m2 = mean[2];
  const float s0 = inverse_std(std[0]), s1 = inverse_std(std[1]), s2 = inverse_std(std[2]);
  for (std::int64_t i = 0; i < n; ++i) {
    out[3 * i] = normalized(r[i], m0, s0);
    out[3 * i + 1] = normalized(g[i], m1, s1);
    out[3 * i + 2] = normalized(b[i], m2, s2);
  }
}

void normalize_any(const NormalizeArgs& a, const NormalizeView& v) {
  for (std::int64_t c = 0; c < a.channels; ++c) {
    const float inv_std = inverse_std(a.std[c]);
    for (std::int64_t i = 0; i < a.num_pixels; ++i)
      v.out[i * a.channels + c] = normalized(v.pixels[c * a.num_pixels + i], a.mean[c], inv_std);
  }
}

}  // namespace

void normalize(const NormalizeArgs& a, Cpu) {
  for (std::int64_t i = 0; i < a.num_views; ++i) {
    const float* pixels = a.views[i].pixels;
    if (a.channels != 3) {
      normalize_any(a, a.views[i]);
      continue;
    }
    normalize_one(pixels,
                  pixels + a.num_pixels,
                  pixels + 2 * a.num_pixels,
                  a.num_pixels,
                  a.mean,
                  a.std,
                  a.views[i].out);
  }
}

}  // namespace sslrun::kernels
