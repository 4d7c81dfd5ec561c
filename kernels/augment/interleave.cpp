#include "kernels/augment/interleave.h"

#include "kernels/augment/normalize_core.h"
#include "kernels/simd.h"

#include <algorithm>

#if SSLRUN_X86
#include <xmmintrin.h>
#endif

namespace sslrun::kernels {
namespace {

constexpr std::int64_t kChunk = 512;  // pixels that are interleaved in the first-level cache

struct Stats {
  float mean[3], inv_std[3];
};

SSLRUN_CLONES void interleave(const float* __restrict r,
                              const float* __restrict g,
                              const float* __restrict b,
                              std::int64_t n,
                              const Stats& s,
                              float* __restrict out) {
  const Stats t = s;
  for (std::int64_t i = 0; i < n; ++i) {
    out[3 * i] = normalized(r[i], t.mean[0], t.inv_std[0]);
    out[3 * i + 1] = normalized(g[i], t.mean[1], t.inv_std[1]);
    out[3 * i + 2] = normalized(b[i], t.mean[2], t.inv_std[2]);
  }
}

// A copy past the caches: an ordinary store reads the line that it is about to overwrite.
void stream(const float* from, std::int64_t n, float* to) {
  std::int64_t i = 0;
#if SSLRUN_X86
  constexpr std::uintptr_t kAlign = 16;
  for (; i < n && reinterpret_cast<std::uintptr_t>(to + i) % kAlign != 0; ++i) to[i] = from[i];
  for (; i + 4 <= n; i += 4) _mm_stream_ps(to + i, _mm_loadu_ps(from + i));
#endif
  std::copy(from + i, from + n, to + i);
}

}  // namespace

void normalize_rgb(const std::array<const float*, 3>& planes,
                   std::int64_t n,
                   const float* mean,
                   const float* std,
                   float* out) {
  alignas(64) float buffer[3 * kChunk];
  Stats s{};
  for (int c = 0; c < 3; ++c) {
    s.mean[c] = mean[c];
    s.inv_std[c] = inverse_std(std[c]);
  }
  for (std::int64_t i = 0; i < n; i += kChunk) {
    const std::int64_t size = std::min(kChunk, n - i);
    interleave(planes[0] + i, planes[1] + i, planes[2] + i, size, s, buffer);
    stream(buffer, 3 * size, out + 3 * i);
  }
#if SSLRUN_X86
  _mm_sfence();  // before another thread is told that the view is there
#endif
}

}  // namespace sslrun::kernels
