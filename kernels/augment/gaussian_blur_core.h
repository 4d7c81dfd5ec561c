// Arithmetic of gaussian_blur: weight_k = exp(-(k / sigma)^2 / 2) for |k| <= radius, divided by
// their sum; the border is reflected without repeating the edge pixel. A sum takes the centre
// first, then the pairs at distance 1, 2, ... Rows first, then columns. As
// torchvision.transforms.functional.gaussian_blur.
#pragma once
#include "kernels/host_device.h"

#include <cmath>
#include <cstdint>

namespace sslrun::kernels {

constexpr std::int64_t kMaxBlurRadius = 64;

struct BlurWeights {
  std::int64_t reach;  // pairs that count
  float weight[kMaxBlurRadius + 1];
};

/// Weights of distances 0..reach; beyond 5.9 sigma a weight is below 2^-25 of the centre's and left
/// out.
SSLRUN_HD BlurWeights blur_weights(std::int64_t radius, float sigma) {
  BlurWeights w;
  w.reach = 0;
  w.weight[0] = 1.f;
  float total = 1.f;
  while (w.reach < radius && static_cast<float>(w.reach + 1) <= 5.9f * sigma) {
    const float distance = static_cast<float>(++w.reach) / sigma;
    w.weight[w.reach] = expf(-0.5f * distance * distance);
    total += 2.f * w.weight[w.reach];
  }
  for (std::int64_t k = 0; k <= w.reach; ++k) w.weight[k] /= total;
  return w;
}

SSLRUN_HD float blur_centre(float weight, float centre) {
  return weight * centre;
}

SSLRUN_HD float add_blur_pair(float sum, float weight, float before, float after) {
  return sum + weight * (before + after);
}

/// Position in [0, n) that stands for position i of a line continued by reflection.
SSLRUN_HD std::int64_t reflect(std::int64_t i, std::int64_t n) {
  if (n == 1) return 0;
  const std::int64_t period = 2 * (n - 1);
  const std::int64_t m = ((i % period) + period) % period;
  return m < n ? m : period - m;
}

}  // namespace sslrun::kernels
