#include "kernels/augment/resize_passes.h"

#include <algorithm>

namespace sslrun::kernels {
namespace {

void horizontal(const std::uint8_t* const* rows,
                int num_rows,
                const ResizeTable& columns,
                std::int64_t channels,
                std::uint8_t* const* to) {
  const std::int64_t n = columns.n, num_taps = columns.groups * kTapGroup;
  for (int r = 0; r < num_rows; ++r)
    for (std::int64_t x = 0; x < n; ++x) {
      const std::uint8_t* from = rows[r] + columns.begin[static_cast<std::size_t>(x)] * channels;
      const std::int32_t* weight = columns.integer.data() + x;
      for (std::int64_t c = 0; c < channels; ++c) {
        std::int32_t sum = kRoundSum;
        for (std::int64_t k = 0; k < num_taps; ++k) sum += weight[k * n] * from[k * channels + c];
        to[r][c * n + x] = sum_to_byte(sum);
      }
    }
}

void vertical(const std::uint8_t* const* lines,
              const ResizeTable& rows,
              std::int64_t y,
              std::int64_t n,
              std::uint8_t* to) {
  constexpr std::int64_t kBlock = 256;
  const std::int32_t* weight = rows.integer.data() + y;
  for (std::int64_t begin = 0; begin < n; begin += kBlock) {
    const std::int64_t size = std::min(kBlock, n - begin);
    std::int32_t sum[kBlock];
    std::fill_n(sum, size, kRoundSum);
    for (std::int64_t k = 0; k < rows.groups * kTapGroup; ++k) {
      const std::uint8_t* line = lines[k] + begin;
      const std::int32_t w = weight[k * rows.n];
      for (std::int64_t i = 0; i < size; ++i) sum[i] += w * line[i];
    }
    for (std::int64_t i = 0; i < size; ++i) to[begin + i] = sum_to_byte(sum[i]);
  }
}

}  // namespace

ResizePasses portable_resize_passes() {
  return {horizontal, horizontal, vertical, [](ResizeTable&) {}};
}

ResizePasses resize_passes(Simd simd) {
#if SSLRUN_X86
  if (simd == Simd::kAvx512) return avx512_resize_passes();
  if (simd == Simd::kAvx2) return avx2_resize_passes();
#endif
  static_cast<void>(simd);
  return portable_resize_passes();
}

}  // namespace sslrun::kernels
