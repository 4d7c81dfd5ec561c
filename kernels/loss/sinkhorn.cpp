#include "kernels/loss/sinkhorn.h"

#include "base/thread_pool.h"
#include "kernels/loss/sinkhorn_core.h"
#include "kernels/simd.h"

#include <algorithm>
#include <vector>

namespace sslrun::kernels {
namespace {

constexpr std::int64_t kTile = kRowTile, kLanes = kRowLanes, kRows = kSinkhornRows;

/// Asks for kLanes scores of a page further on: each sweep reads all scores from memory, and a
/// processor does not look beyond a page by itself. Measured: 0.75 of the time.
inline void fetch_ahead(const float* scores) {
  constexpr std::int64_t kAhead = 1024, kLine = 16;
  for (std::int64_t l = 0; l < kLanes; l += kLine) __builtin_prefetch(scores + kAhead + l);
}

SSLRUN_CLONES float largest_weight(const float* scores,
                                   const float* log_scale,
                                   std::int64_t n,
                                   float inv_eps) {
  float max[kLanes];
  std::fill_n(max, kLanes, -INFINITY);
  const std::int64_t whole = n / kLanes * kLanes;
  for (std::int64_t k = 0; k < whole; k += kLanes) {
    fetch_ahead(scores + k);
    for (std::int64_t l = 0; l < kLanes; ++l) {
      const float w = sinkhorn_log_weight(scores[k + l], inv_eps, log_scale[k + l]);
      max[l] = w > max[l] ? w : max[l];
    }
  }
  for (std::int64_t k = whole; k < n; ++k) {
    const float w = sinkhorn_log_weight(scores[k], inv_eps, log_scale[k]);
    max[0] = w > max[0] ? w : max[0];
  }
  return *std::max_element(max, max + kLanes);
}

/// out = exp(log weight - max) of a tile; answers their sum.
SSLRUN_CLONES float exponentials(const float* scores,
                                 const float* log_scale,
                                 std::int64_t n,
                                 float inv_eps,
                                 float max,
                                 float* out) {
  float sum[kLanes] = {};
  const std::int64_t whole = n / kLanes * kLanes;
  for (std::int64_t k = 0; k < whole; k += kLanes) {
    fetch_ahead(scores + k);
    for (std::int64_t l = 0; l < kLanes; ++l) {
      const float w = sinkhorn_log_weight(scores[k + l], inv_eps, log_scale[k + l]);
      out[k + l] = sinkhorn_part(w, max, 1.f);
      sum[l] += out[k + l];
    }
  }
  for (std::int64_t k = whole; k < n; ++k) {
    out[k] = sinkhorn_part(sinkhorn_log_weight(scores[k], inv_eps, log_scale[k]), max, 1.f);
    sum[k - whole] += out[k];
  }
  return merge_lanes(sum);
}

SSLRUN_CLONES void scale(float* x, std::int64_t n, float factor) {
  for (std::int64_t k = 0; k < n; ++k) x[k] *= factor;
}

SSLRUN_CLONES void add_scaled(const float* x, std::int64_t n, float factor, float* to) {
  for (std::int64_t k = 0; k < n; ++k) to[k] += x[k] * factor;
}

/// What is taken from a sample's logarithms, so that no exponential is above 1.
float reference(const SinkhornArgs& a, const float* scores) {
  if (a.largest) return *a.largest * a.inv_eps;
  if (std::isfinite(a.bound)) return a.bound;
  return largest_weight(scores, a.log_scale, a.prototypes, a.inv_eps);
}

/// out = the sample's exponentials; answers what they are to be multiplied with.
float sample(const SinkhornArgs& a, std::int64_t b, float* out) {
  const float* scores = a.scores + b * a.prototypes;
  const float max = reference(a, scores);
  float sum = 0.f;
  for (std::int64_t k = 0; k < a.prototypes; k += kTile) {
    const std::int64_t n = std::min(kTile, a.prototypes - k);
    sum += exponentials(scores + k, a.log_scale + k, n, a.inv_eps, max, out + k);
  }
  return a.largest ? 1.f : 1.f / sum;
}

std::int64_t blocks_of(std::int64_t samples) {
  return (samples + kRows - 1) / kRows;
}

}  // namespace

std::int64_t sinkhorn_scratch(std::int64_t samples, std::int64_t prototypes) {
  return blocks_of(samples) * prototypes + 2 * samples;
}

void sinkhorn_share(const SinkhornArgs& a, float* share, float* scratch, Cpu) {
  const std::int64_t blocks = blocks_of(a.samples);
  parallel_for(blocks, [&](std::int64_t begin, std::int64_t end) {
    std::vector<float> row(static_cast<std::size_t>(a.prototypes));
    for (std::int64_t block = begin; block < end; ++block) {
      float* const sum = scratch + block * a.prototypes;
      std::fill_n(sum, a.prototypes, 0.f);
      for (std::int64_t b = block * kRows; b < std::min(a.samples, (block + 1) * kRows); ++b) {
        const float factor = sample(a, b, row.data());
        add_scaled(row.data(), a.prototypes, factor, sum);
      }
    }
  });
  std::fill_n(share, a.prototypes, 0.f);
  for (std::int64_t block = 0; block < blocks; ++block)
    add_scaled(scratch + block * a.prototypes, a.prototypes, 1.f, share);
}

void sinkhorn_assign(const SinkhornArgs& a, float* assigned, float*, Cpu) {
  parallel_for(a.samples, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t b = begin; b < end; ++b) {
      float* const out = assigned + b * a.prototypes;
      scale(out, a.prototypes, sample(a, b, out));
    }
  });
}

}  // namespace sslrun::kernels
