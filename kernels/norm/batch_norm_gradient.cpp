#include "kernels/norm/batch_norm_gradient.h"

#include "base/thread_pool.h"
#include "kernels/simd.h"

#include <algorithm>

namespace sslrun::kernels {
namespace {

constexpr std::int64_t kGrain = 1 << 14;  // elements for which a thread is worth its start

/// Rows [begin, end) of C values each, a value per channel.
template <class Stored>
SSLRUN_CLONES void rows(const BatchNormGradientArgs<Stored>& a,
                        std::int64_t begin,
                        std::int64_t end) {
  const std::int64_t C = a.channels;
  const auto* const __restrict scale = a.scale;
  const auto* const __restrict mean = a.mean;
  const auto* const __restrict dy_mean = a.dy_mean;
  const auto* const __restrict slope = a.slope;
  for (std::int64_t r = begin; r < end; ++r) {
    const Stored *const dy = a.dy + r * C, *const x = a.x + r * C;
    Stored* const dx = a.dx + r * C;
#pragma GCC ivdep
    for (std::int64_t c = 0; c < C; ++c)
      dx[c] = batch_norm_move(dy[c], x[c], scale[c], mean[c], dy_mean[c], slope[c]);
  }
}

/// Planes [begin, end) of a.inner values of one channel each.
template <class Stored>
SSLRUN_CLONES void planes(const BatchNormGradientArgs<Stored>& a,
                          std::int64_t begin,
                          std::int64_t end) {
  for (std::int64_t p = begin; p < end; ++p) {
    const std::int64_t c = p % a.channels;
    const auto scale = a.scale[c], mean = a.mean[c], dy_mean = a.dy_mean[c], slope = a.slope[c];
    const Stored *const dy = a.dy + p * a.inner, *const x = a.x + p * a.inner;
    Stored* const dx = a.dx + p * a.inner;
#pragma GCC ivdep
    for (std::int64_t i = 0; i < a.inner; ++i)
      dx[i] = batch_norm_move(dy[i], x[i], scale, mean, dy_mean, slope);
  }
}

}  // namespace

template <class Stored>
void batch_norm_gradient(const BatchNormGradientArgs<Stored>& a, Cpu) {
  const bool by_rows = a.inner == 1;
  const std::int64_t length = std::max<std::int64_t>(1, by_rows ? a.channels : a.inner);
  parallel_for(
      by_rows ? a.outer : a.outer * a.channels,
      [&](std::int64_t begin, std::int64_t end) {
        by_rows ? rows(a, begin, end) : planes(a, begin, end);
      },
      std::max<std::int64_t>(1, kGrain / length));
}

template void batch_norm_gradient(const BatchNormGradientArgs<float>& args, Cpu device);
template void batch_norm_gradient(const BatchNormGradientArgs<double>& args, Cpu device);
template void batch_norm_gradient(const BatchNormGradientArgs<std::uint16_t>& args, Cpu device);

}  // namespace sslrun::kernels
