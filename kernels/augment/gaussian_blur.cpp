#include "kernels/augment/gaussian_blur.h"

#include "base/error.h"
#include "kernels/augment/gaussian_blur_core.h"
#include "kernels/simd.h"

#include <algorithm>

namespace sslrun::kernels {
namespace {

constexpr std::int64_t kPairsAtOnce = 4;  // tap pairs per sweep over a line

// Pairs rounded up to whole sweeps; those past the reach weigh nothing but are read, so lines are
// padded this far.
std::int64_t padded_reach(std::int64_t reach) {
  return (reach + kPairsAtOnce - 1) / kPairsAtOnce * kPairsAtOnce;
}

// out[j] += the pairs of elements at distance stride, 2 stride, 3 stride, 4 stride from at[j], in
// this order.
SSLRUN_CLONES void add_four_pairs(const float* before,
                                  const float* after,
                                  std::int64_t stride,
                                  const float* __restrict w,
                                  std::int64_t n,
                                  float* __restrict out) {
  const float w0 = w[0], w1 = w[1], w2 = w[2], w3 = w[3];
  const float *a0 = before, *a1 = before - stride, *a2 = before - 2 * stride,
              *a3 = before - 3 * stride;
  const float *b0 = after, *b1 = after + stride, *b2 = after + 2 * stride, *b3 = after + 3 * stride;
  for (std::int64_t j = 0; j < n; ++j) {
    float sum = add_blur_pair(out[j], w0, a0[j], b0[j]);
    sum = add_blur_pair(sum, w1, a1[j], b1[j]);
    sum = add_blur_pair(sum, w2, a2[j], b2[j]);
    out[j] = add_blur_pair(sum, w3, a3[j], b3[j]);
  }
}

SSLRUN_CLONES void set_centre(const float* __restrict at,
                              float w,
                              std::int64_t n,
                              float* __restrict out) {
  for (std::int64_t j = 0; j < n; ++j) out[j] = blur_centre(w, at[j]);
}

// n sums along a line whose elements are stride apart: 1 along a row, the width along columns.
void blur_line(const float* at,
               std::int64_t stride,
               const BlurWeights& w,
               std::int64_t n,
               float* out) {
  set_centre(at, w.weight[0], n, out);
  for (std::int64_t k = 1; k <= w.reach; k += kPairsAtOnce)
    add_four_pairs(at - k * stride, at + k * stride, stride, w.weight + k, n, out);
}

// Scratch: the plane after the row pass with pad rows above and below, and one row with pad pixels
// on both sides.
void blur_plane(float* plane,
                std::int64_t height,
                std::int64_t width,
                const BlurWeights& w,
                float* scratch) {
  const std::int64_t pad = padded_reach(w.reach);
  float* rows = scratch + pad * width;
  float* line = scratch + (height + 2 * pad) * width + pad;
  for (std::int64_t y = 0; y < height; ++y) {
    const float* row = plane + y * width;
    std::copy(row, row + width, line);
    for (std::int64_t x = 1; x <= pad; ++x) {
      line[-x] = row[reflect(-x, width)];
      line[width - 1 + x] = row[reflect(width - 1 + x, width)];
    }
    blur_line(line, 1, w, width, rows + y * width);
  }
  for (std::int64_t y = 1; y <= pad; ++y) {
    const float* above = rows + reflect(-y, height) * width;
    const float* below = rows + reflect(height - 1 + y, height) * width;
    std::copy(above, above + width, rows - y * width);
    std::copy(below, below + width, rows + (height - 1 + y) * width);
  }
  for (std::int64_t y = 0; y < height; ++y)
    blur_line(rows + y * width, width, w, width, plane + y * width);
}

}  // namespace

std::int64_t gaussian_blur_scratch(std::int64_t height,
                                   std::int64_t width,
                                   std::int64_t radius,
                                   Cpu) {
  const std::int64_t pad = padded_reach(radius);
  return (height + 2 * pad) * width + width + 2 * pad;
}

void gaussian_blur(const GaussianBlurArgs& a, Cpu) {
  check_invariant(a.radius >= 0 && a.radius <= kMaxBlurRadius,
                  "gaussian_blur: the radius must lie in 0..64");
  for (std::int64_t i = 0; i < a.num_views; ++i) {
    const GaussianBlurView& v = a.views[i];
    if (!(v.sigma > 0.f)) continue;
    BlurWeights w = blur_weights(a.radius, v.sigma);
    std::fill(w.weight + w.reach + 1, w.weight + kMaxBlurRadius + 1, 0.f);
    for (std::int64_t c = 0; c < a.channels; ++c)
      blur_plane(v.pixels + c * a.height * a.width, a.height, a.width, w, a.scratch);
  }
}

}  // namespace sslrun::kernels
