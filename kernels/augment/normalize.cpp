#include "kernels/augment/normalize.h"

#include "kernels/augment/interleave.h"
#include "kernels/augment/normalize_core.h"

namespace sslrun::kernels {
namespace {

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
    normalize_rgb({pixels, pixels + a.num_pixels, pixels + 2 * a.num_pixels},
                  a.num_pixels,
                  a.mean,
                  a.std,
                  a.views[i].out);
  }
}

}  // namespace sslrun::kernels
