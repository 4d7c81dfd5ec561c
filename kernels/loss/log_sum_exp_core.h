// exp and log-sum-exp as every loss kernel computes them, on every device.
#pragma once
#include "kernels/host_device.h"

#include <cmath>
#include <cstdint>
#include <cstring>

namespace sslrun::kernels {

/// exp(x) for x <= 0 without a branch or a library call, so that loops over it vectorise. Below -87
/// it gives 0; a NaN stays NaN. Cody and Waite's reduction and a Taylor polynomial of degree 7:
/// relative error below 3e-7 on [-87, 0].
SSLRUN_HD float exp_nonpositive(float x) {
  const float clamped = x < -87.f ? -87.f : x;
  const float shifted =
      clamped * 1.44269504f + 12582912.f;  // 1.5 * 2^23: the low bits hold round(x / ln 2)
  const float n = shifted - 12582912.f;
  const float r = (clamped - n * 0.693145752f) - n * 1.42860677e-6f;
  float p = 1.98412698e-4f;
  p = p * r + 1.38888889e-3f;
  p = p * r + 8.33333333e-3f;
  p = p * r + 4.16666667e-2f;
  p = p * r + 1.66666667e-1f;
  p = p * r + 0.5f;
  p = p * r + 1.f;
  p = p * r + 1.f;
  std::uint32_t bits = 0;
  std::memcpy(&bits, &shifted, 4);
  bits = (bits + 127u) << 23;  // 2^n
  float scale = 0.f;
  std::memcpy(&scale, &bits, 4);
  return x < -87.f ? 0.f : p * scale;
}

// How a long row is summed, on every device: in tiles, merged in their order; in a tile, lane l takes
// the columns l, l + kRowLanes, ... and the lanes are merged in a halving tree.
constexpr int kRowTile = 1024;  // 4 KB: a few of them stay in the first-level cache
constexpr int kRowLanes = 32;   // two AVX-512 vectors, or a warp

/// Merges kRowLanes sums where they lie.
SSLRUN_HD float merge_lanes(float* lanes) {
  for (int step = kRowLanes / 2; step > 0; step /= 2) {
    for (int l = 0; l < step; ++l) lanes[l] += lanes[l + step];
  }
  return lanes[0];
}

/// log(sum(exp(x))) over a stream. Empty: -inf. A NaN stays NaN.
struct LogSumExp {
  float max = -INFINITY;
  float sum = 0.f;  // sum of exp(x - max)

  SSLRUN_HD void merge(LogSumExp o) {
    const float m = max > o.max ? max : o.max;
    if (m == -INFINITY) {
      sum += o.sum;  // both empty: 0, or the NaN of a stream that holds one
      return;
    }
    sum = sum * exp_nonpositive(max - m) + o.sum * exp_nonpositive(o.max - m);
    max = m;
  }

  /// The stream first[0], first[stride], ..., `n` elements.
  SSLRUN_HD static LogSumExp of(const float* first, int stride, int n) {
    LogSumExp out;
    for (int k = 0; k < n; ++k) out.max = first[k * stride] > out.max ? first[k * stride] : out.max;
    const float base = out.max == -INFINITY ? 0.f : out.max;
    for (int k = 0; k < n; ++k) out.sum += exp_nonpositive(first[k * stride] - base);
    return out;
  }

  SSLRUN_HD float value() const { return max + logf(sum); }
};

}  // namespace sslrun::kernels
