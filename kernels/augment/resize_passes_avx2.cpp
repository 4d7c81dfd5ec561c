// The passes of crop_resize with AVX2: a weight is two halves of at most 12 bits, so two dot products
// of two taps each.
#include "kernels/augment/resize_passes.h"

#if SSLRUN_X86
#include <immintrin.h>

namespace sslrun::kernels {
namespace {

struct Sums {
  __m256i low, high;  // sums of the products with each half
};

SSLRUN_AVX2 inline Sums no_sums() {
  return {_mm256_set1_epi32(kRoundSum), _mm256_setzero_si256()};
}

// words: two taps' in every 32 bits. halves: low and high, n apart.
SSLRUN_AVX2 inline void add_pair(Sums& sums,
                                 __m256i words,
                                 const std::int32_t* halves,
                                 std::int64_t n) {
  const __m256i low = _mm256_madd_epi16(words, _mm256_set1_epi32(halves[0]));
  const __m256i high = _mm256_madd_epi16(words, _mm256_set1_epi32(halves[n]));
  sums.low = _mm256_add_epi32(sums.low, low);
  sums.high = _mm256_add_epi32(sums.high, high);
}

SSLRUN_AVX2 inline __m256i levels_of(const Sums& sums) {
  return _mm256_srai_epi32(_mm256_add_epi32(_mm256_slli_epi32(sums.high, 11), sums.low),
                           kWeightBits);
}

SSLRUN_AVX2 inline __m256i to_bytes(__m256i a, __m256i b, __m256i c, __m256i d) {
  return _mm256_packus_epi16(_mm256_packs_epi32(a, b), _mm256_packs_epi32(c, d));
}

SSLRUN_AVX2 inline void store_rows(__m256i bytes, std::uint8_t* const to[2], std::int64_t at) {
  _mm_storeu_si128(reinterpret_cast<__m128i*>(to[0] + at), _mm256_castsi256_si128(bytes));
  _mm_storeu_si128(reinterpret_cast<__m128i*>(to[1] + at), _mm256_extracti128_si256(bytes, 1));
}

// Four positions of two rows, each row in 128 bits: four bytes of red, of green, of blue.
SSLRUN_AVX2 inline __m256i four_positions(const std::uint8_t* const rows[2],
                                          const ResizeTable& columns,
                                          std::int64_t first) {
  const __m256i taps01 = _mm256_broadcastsi128_si256(
      _mm_setr_epi8(0, -1, 3, -1, 1, -1, 4, -1, 2, -1, 5, -1, -1, -1, -1, -1));
  const __m256i taps23 = _mm256_broadcastsi128_si256(
      _mm_setr_epi8(6, -1, 9, -1, 7, -1, 10, -1, 8, -1, 11, -1, -1, -1, -1, -1));
  const __m256i by_plane = _mm256_broadcastsi128_si256(
      _mm_setr_epi8(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15));
  const std::int64_t n = columns.n;
  __m256i levels[4];
  for (int i = 0; i < 4; ++i) {
    std::int64_t at = 3 * std::int64_t{columns.begin[static_cast<std::size_t>(first + i)]};
    const std::int32_t* halves = columns.halves.data() + first + i;
    Sums sums = no_sums();
    for (std::int64_t g = 0; g < columns.groups; ++g, at += 3 * kTapGroup, halves += 4 * n) {
      const auto load = [&](int r) {
        return _mm_loadu_si128(reinterpret_cast<const __m128i*>(rows[r] + at));
      };
      const __m256i bytes = _mm256_inserti128_si256(_mm256_castsi128_si256(load(0)), load(1), 1);
      add_pair(sums, _mm256_shuffle_epi8(bytes, taps01), halves, n);
      add_pair(sums, _mm256_shuffle_epi8(bytes, taps23), halves + 2 * n, n);
    }
    levels[i] = levels_of(sums);
  }
  return _mm256_shuffle_epi8(to_bytes(levels[0], levels[1], levels[2], levels[3]), by_plane);
}

SSLRUN_AVX2 void horizontal_rgb(const std::uint8_t* const* rows,
                                int num_rows,
                                const ResizeTable& columns,
                                std::int64_t,
                                std::uint8_t* const* to) {
  const std::int64_t n = columns.n;
  for (int r = 0; r < num_rows; r += 2)
    for (std::int64_t first = 0; first < n; first += kPositions) {
      __m256i four[4];
      for (int quad = 0; quad < 4; ++quad)
        four[quad] = four_positions(rows + r, columns, first + 4 * quad);
      const __m256i rg0 = _mm256_unpacklo_epi32(four[0], four[1]);
      const __m256i rg1 = _mm256_unpacklo_epi32(four[2], four[3]);
      const __m256i b0 = _mm256_unpackhi_epi32(four[0], four[1]);
      const __m256i b1 = _mm256_unpackhi_epi32(four[2], four[3]);
      store_rows(_mm256_unpacklo_epi64(rg0, rg1), to + r, first);
      store_rows(_mm256_unpackhi_epi64(rg0, rg1), to + r, n + first);
      store_rows(_mm256_unpacklo_epi64(b0, b1), to + r, 2 * n + first);
    }
}

SSLRUN_AVX2 inline __m256i load_line(const std::uint8_t* from) {
  return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from));
}

// 32 bytes of a line.
SSLRUN_AVX2 inline __m256i vertical_block(const std::uint8_t* const* lines,
                                          const ResizeTable& rows,
                                          std::int64_t y,
                                          std::int64_t begin) {
  const __m256i zero = _mm256_setzero_si256();
  Sums sums[4] = {no_sums(), no_sums(), no_sums(), no_sums()};
  const std::int32_t* halves = rows.halves.data() + y;
  for (std::int64_t pair = 0; pair < 2 * rows.groups; ++pair, halves += 2 * rows.n) {
    const __m256i a = load_line(lines[2 * pair] + begin);
    const __m256i b = load_line(lines[2 * pair + 1] + begin);
    const __m256i low = _mm256_unpacklo_epi8(a, b), high = _mm256_unpackhi_epi8(a, b);
    add_pair(sums[0], _mm256_unpacklo_epi8(low, zero), halves, rows.n);
    add_pair(sums[1], _mm256_unpackhi_epi8(low, zero), halves, rows.n);
    add_pair(sums[2], _mm256_unpacklo_epi8(high, zero), halves, rows.n);
    add_pair(sums[3], _mm256_unpackhi_epi8(high, zero), halves, rows.n);
  }
  return to_bytes(levels_of(sums[0]), levels_of(sums[1]), levels_of(sums[2]), levels_of(sums[3]));
}

SSLRUN_AVX2 void vertical(const std::uint8_t* const* lines,
                          const ResizeTable& rows,
                          std::int64_t y,
                          std::int64_t n,
                          std::uint8_t* to) {
  constexpr std::int64_t kBytes = 32;
  if (n < kBytes) return portable_resize_passes().vertical(lines, rows, y, n, to);
  for (std::int64_t at = 0; at < n; at += kBytes) {
    const std::int64_t begin = at + kBytes <= n ? at : n - kBytes;  // the last one overlaps
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(to + begin),
                        vertical_block(lines, rows, y, begin));
  }
}

}  // namespace

ResizePasses avx2_resize_passes() {
  return {horizontal_rgb, portable_resize_passes().general, vertical, pack_halves};
}

}  // namespace sslrun::kernels
#endif
