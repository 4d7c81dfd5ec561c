#include "kernels/augment/crop_resize.h"

#include "kernels/augment/crop_resize_core.h"
#include "kernels/simd.h"

#include <algorithm>
#include <array>

namespace sslrun::kernels {
namespace {

constexpr int kRowsAtOnce = 4;  // rows per sweep of the vertical sum
constexpr std::int64_t kQuad =
    4;  // floats read per pixel in the horizontal sum: three channels and one to spare

using Rows = std::array<const std::uint8_t*, kRowsAtOnce>;
using RowWeights = std::array<float, kRowsAtOnce>;

// sum[i] = the rows' weighted bytes, in the order of the rows, on top of sum[i] when resume is 1 or
// of 0 when it is 0.
SSLRUN_CLONES void sum_four_rows(const Rows& rows,
                                 const RowWeights& w,
                                 std::int64_t n,
                                 bool resume,
                                 float* __restrict sum) {
  const std::uint8_t *r0 = rows[0], *r1 = rows[1], *r2 = rows[2], *r3 = rows[3];
  const float w0 = w[0], w1 = w[1], w2 = w[2], w3 = w[3];
  if (resume) {
    for (std::int64_t i = 0; i < n; ++i)
      sum[i] = add_byte(
          add_byte(add_byte(add_byte(sum[i], w0, r0[i]), w1, r1[i]), w2, r2[i]), w3, r3[i]);
  } else {
    for (std::int64_t i = 0; i < n; ++i)
      sum[i] =
          add_byte(add_byte(add_byte(add_byte(0.f, w0, r0[i]), w1, r1[i]), w2, r2[i]), w3, r3[i]);
  }
}

SSLRUN_CLONES void sum_two_rows(const Rows& rows,
                                const RowWeights& w,
                                std::int64_t n,
                                float* __restrict sum) {
  const std::uint8_t *r0 = rows[0], *r1 = rows[1];
  const float w0 = w[0], w1 = w[1];
  for (std::int64_t i = 0; i < n; ++i) sum[i] = add_byte(add_byte(0.f, w0, r0[i]), w1, r1[i]);
}

// One row of the crop's columns, interleaved, summed over the taps of an output row.
void sum_rows(const CropResizeView& v, const ResizeTaps& taps, float* sum) {
  for (std::int64_t first = 0; first < taps.count; first += kRowsAtOnce) {
    Rows rows;
    RowWeights weights;
    for (std::int64_t k = 0; k < kRowsAtOnce; ++k) {
      const bool real = first + k < taps.count;  // the rest weigh nothing
      const std::int64_t row = v.top + taps.begin + (real ? first + k : first);
      rows[k] = v.picture + (row * v.picture_width + v.left) * 3;
      weights[k] = real ? byte_weight(taps.weight(first + k)) : 0.f;
    }
    if (taps.count <= 2) {
      sum_two_rows(rows, weights, v.width * 3, sum);
    } else {
      sum_four_rows(rows, weights, v.width * 3, first > 0, sum);
    }
  }
}

// Columns x of an output row: quads[x] = sum over k of weights[k * n + x] * the pixel at begins[x]
// + 3 * k floats.
SSLRUN_CLONES void sum_columns(const float* __restrict row,
                               const std::int32_t* __restrict begins,
                               const float* __restrict weights,
                               std::int64_t num_taps,
                               std::int64_t n,
                               float* __restrict quads) {
  for (std::int64_t x = 0; x < n; ++x) {
    const float* p = row + begins[x];
    const float* w = weights + x * num_taps;
    float s0 = 0.f, s1 = 0.f, s2 = 0.f, s3 = 0.f;
    for (std::int64_t k = 0; k < num_taps; ++k, p += 3) {
      s0 = add_tap(s0, w[k], p[0]);
      s1 = add_tap(s1, w[k], p[1]);
      s2 = add_tap(s2, w[k], p[2]);
      s3 = add_tap(s3, w[k], p[3]);
    }
    quads[kQuad * x] = s0;
    quads[kQuad * x + 1] = s1;
    quads[kQuad * x + 2] = s2;
    quads[kQuad * x + 3] = s3;
  }
}

SSLRUN_CLONES void split_quads(const float* __restrict quads,
                               std::int64_t n,
                               float* __restrict r,
                               float* __restrict g,
                               float* __restrict b) {
  for (std::int64_t x = 0; x < n; ++x) {
    r[x] = in_range(quads[kQuad * x]);
    g[x] = in_range(quads[kQuad * x + 1]);
    b[x] = in_range(quads[kQuad * x + 2]);
  }
}

// Scratch: begins [out_width], quads [out_width, 4], weights [out_width, taps], one row of the crop
// with room behind it.
std::int64_t row_floats(std::int64_t crop_width, std::int64_t taps) {
  return 3 * (crop_width + taps) + 1;
}

void crop_resize_one(const CropResizeView& v,
                     std::int64_t out_height,
                     std::int64_t out_width,
                     ResizeFilter filter,
                     float* scratch) {
  std::int32_t* begins = reinterpret_cast<std::int32_t*>(scratch);
  float* quads = scratch + out_width;
  float* row = quads + kQuad * out_width;
  std::int64_t num_taps = 1;
  for (std::int64_t x = 0; x < out_width; ++x)
    num_taps = std::max(num_taps, resize_taps(x, v.width, out_width, filter).count);
  float* weights = row + row_floats(v.width, num_taps);
  for (std::int64_t x = 0; x < out_width; ++x) {
    const ResizeTaps taps =
        resize_taps(unflipped(x, out_width, v.flip), v.width, out_width, filter);
    begins[x] = static_cast<std::int32_t>(3 * taps.begin);
    for (std::int64_t k = 0; k < num_taps; ++k)
      weights[x * num_taps + k] = k < taps.count ? taps.weight(k) : 0.f;
  }
  std::fill(row + 3 * v.width, weights, 0.f);  // read with weight 0
  const std::int64_t plane = out_height * out_width;
  for (std::int64_t y = 0; y < out_height; ++y) {
    sum_rows(v, resize_taps(y, v.height, out_height, filter), row);
    sum_columns(row, begins, weights, num_taps, out_width, quads);
    float* out = v.out + y * out_width;
    split_quads(quads, out_width, out, out + plane, out + 2 * plane);
  }
}

}  // namespace

std::int64_t crop_resize_scratch(std::int64_t crop_width,
                                 std::int64_t out_width,
                                 ResizeFilter filter) {
  const std::int64_t taps = max_resize_taps(crop_width, out_width, filter);
  return out_width * (1 + kQuad + taps) + row_floats(crop_width, taps);
}

void crop_resize(const CropResizeArgs& a, Cpu) {
  for (std::int64_t i = 0; i < a.num_views; ++i)
    crop_resize_one(a.views[i], a.out_height, a.out_width, a.filter, a.scratch);
}

}  // namespace sslrun::kernels
