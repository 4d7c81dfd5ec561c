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

template <class Sample>
using Rows = std::array<const Sample*, kRowsAtOnce>;
using RowWeights = std::array<float, kRowsAtOnce>;

// sum[i] = the rows' weighted samples, in the order of the rows, on top of sum[i] when resume is 1
// or of 0 when it is 0. Inlined into the versions for each width, which are the ones dispatched.
template <class Sample>
[[gnu::always_inline]] inline void sum_four(const Rows<Sample>& rows,
                                            const RowWeights& w,
                                            std::int64_t n,
                                            bool resume,
                                            float* __restrict sum) {
  const Sample *r0 = rows[0], *r1 = rows[1], *r2 = rows[2], *r3 = rows[3];
  const float w0 = w[0], w1 = w[1], w2 = w[2], w3 = w[3];
  if (resume) {
    for (std::int64_t i = 0; i < n; ++i)
      sum[i] = add_sample(
          add_sample(add_sample(add_sample(sum[i], w0, r0[i]), w1, r1[i]), w2, r2[i]), w3, r3[i]);
  } else {
    for (std::int64_t i = 0; i < n; ++i)
      sum[i] = add_sample(
          add_sample(add_sample(add_sample(0.f, w0, r0[i]), w1, r1[i]), w2, r2[i]), w3, r3[i]);
  }
}

template <class Sample>
[[gnu::always_inline]] inline void sum_two(const Rows<Sample>& rows,
                                           const RowWeights& w,
                                           std::int64_t n,
                                           float* __restrict sum) {
  const Sample *r0 = rows[0], *r1 = rows[1];
  const float w0 = w[0], w1 = w[1];
  for (std::int64_t i = 0; i < n; ++i) sum[i] = add_sample(add_sample(0.f, w0, r0[i]), w1, r1[i]);
}

using Bytes = std::uint8_t;
using Words = std::uint16_t;

SSLRUN_CLONES void sum_four_rows(const Rows<Bytes>& rows,
                                 const RowWeights& w,
                                 std::int64_t n,
                                 bool resume,
                                 float* sum) {
  sum_four(rows, w, n, resume, sum);
}

SSLRUN_CLONES void sum_four_rows(const Rows<Words>& rows,
                                 const RowWeights& w,
                                 std::int64_t n,
                                 bool resume,
                                 float* sum) {
  sum_four(rows, w, n, resume, sum);
}

SSLRUN_CLONES void sum_two_rows(const Rows<Bytes>& rows,
                                const RowWeights& w,
                                std::int64_t n,
                                float* sum) {
  sum_two(rows, w, n, sum);
}

SSLRUN_CLONES void sum_two_rows(const Rows<Words>& rows,
                                const RowWeights& w,
                                std::int64_t n,
                                float* sum) {
  sum_two(rows, w, n, sum);
}

// One row of the crop's columns, interleaved, summed over the taps of an output row.
template <class Sample>
void sum_rows(const CropResizeView& v, std::int64_t channels, const ResizeTaps& taps, float* sum) {
  const auto* picture = static_cast<const Sample*>(v.picture);
  for (std::int64_t first = 0; first < taps.count; first += kRowsAtOnce) {
    Rows<Sample> rows;
    RowWeights weights;
    for (std::int64_t k = 0; k < kRowsAtOnce; ++k) {
      const bool real = first + k < taps.count;  // the rest weigh nothing
      const std::int64_t row = v.top + taps.begin + (real ? first + k : first);
      const auto i = static_cast<std::size_t>(k);
      rows[i] = picture + (row * v.picture_width + v.left) * channels;
      weights[i] = real ? sample_weight(taps.weight(first + k), sizeof(Sample) == 2) : 0.f;
    }
    if (taps.count <= 2) {
      sum_two_rows(rows, weights, v.width * channels, sum);
    } else {
      sum_four_rows(rows, weights, v.width * channels, first > 0, sum);
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

// The same for any number of channels, straight into their planes.
void sum_columns_of(const float* row,
                    const std::int32_t* begins,
                    const float* weights,
                    std::int64_t num_taps,
                    std::int64_t n,
                    std::int64_t channels,
                    float* out,
                    std::int64_t plane) {
  for (std::int64_t x = 0; x < n; ++x) {
    const float* w = weights + x * num_taps;
    for (std::int64_t c = 0; c < channels; ++c) {
      const float* p = row + begins[x] + c;
      float sum = 0.f;
      for (std::int64_t k = 0; k < num_taps; ++k) sum = add_tap(sum, w[k], p[k * channels]);
      out[c * plane + x] = in_range(sum);
    }
  }
}

// Scratch: begins [out_width], quads [out_width, 4], weights [out_width, taps], one row of the crop
// with room behind it.
std::int64_t row_floats(std::int64_t crop_width, std::int64_t taps, std::int64_t channels) {
  return channels * (crop_width + taps) + 1;
}

void crop_resize_one(const CropResizeView& v, const CropResizeArgs& a) {
  const std::int64_t out_height = a.out_height, out_width = a.out_width, channels = a.channels;
  const ResizeFilter filter = a.filter;
  float* scratch = a.scratch;
  std::int32_t* begins = reinterpret_cast<std::int32_t*>(scratch);
  float* quads = scratch + out_width;
  float* row = quads + kQuad * out_width;
  std::int64_t num_taps = 1;
  for (std::int64_t x = 0; x < out_width; ++x)
    num_taps = std::max(num_taps, resize_taps(x, v.width, out_width, filter).count);
  float* weights = row + row_floats(v.width, num_taps, channels);
  for (std::int64_t x = 0; x < out_width; ++x) {
    const ResizeTaps taps =
        resize_taps(unflipped(x, out_width, v.flip), v.width, out_width, filter);
    begins[x] = static_cast<std::int32_t>(channels * taps.begin);
    for (std::int64_t k = 0; k < num_taps; ++k)
      weights[x * num_taps + k] = k < taps.count ? taps.weight(k) : 0.f;
  }
  std::fill(row + channels * v.width, weights, 0.f);  // read with weight 0
  const std::int64_t plane = out_height * out_width;
  for (std::int64_t y = 0; y < out_height; ++y) {
    const ResizeTaps taps = resize_taps(y, v.height, out_height, filter);
    a.wide ? sum_rows<Words>(v, channels, taps, row) : sum_rows<Bytes>(v, channels, taps, row);
    if (channels != 3) {
      float* out = v.out + y * out_width;
      sum_columns_of(row, begins, weights, num_taps, out_width, channels, out, plane);
      continue;
    }
    sum_columns(row, begins, weights, num_taps, out_width, quads);
    float* out = v.out + y * out_width;
    split_quads(quads, out_width, out, out + plane, out + 2 * plane);
  }
}

}  // namespace

std::int64_t crop_resize_scratch(std::int64_t crop_width,
                                 std::int64_t out_width,
                                 ResizeFilter filter,
                                 std::int64_t channels) {
  const std::int64_t taps = max_resize_taps(crop_width, out_width, filter);
  return out_width * (1 + kQuad + taps) + row_floats(crop_width, taps, channels);
}

void crop_resize(const CropResizeArgs& a, Cpu) {
  for (std::int64_t i = 0; i < a.num_views; ++i) crop_resize_one(a.views[i], a);
}

}  // namespace sslrun::kernels
