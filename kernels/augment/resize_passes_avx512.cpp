// The passes of crop_resize with AVX-512 and its byte dot products (VNNI): a weight is three signed
// bytes, so three dot products of four taps each.
#include "kernels/augment/resize_passes.h"

#include <algorithm>

#if SSLRUN_X86
#include <immintrin.h>

namespace sslrun::kernels {
namespace {

struct Sums {
  __m512i digit[3];  // sums of the products with each digit
};

SSLRUN_AVX512 inline Sums no_sums() {
  return {{_mm512_set1_epi32(kRoundSum), _mm512_setzero_si512(), _mm512_setzero_si512()}};
}

// bytes: four of each tap's in every 32 bits. digits: [3] words, n apart.
SSLRUN_AVX512 inline void add_group(Sums& sums,
                                    __m512i bytes,
                                    const std::int32_t* digits,
                                    std::int64_t n) {
  for (int i = 0; i < 3; ++i)
    sums.digit[i] = _mm512_dpbusd_epi32(sums.digit[i], bytes, _mm512_set1_epi32(digits[i * n]));
}

SSLRUN_AVX512 inline __m512i levels_of(const Sums& sums) {
  const __m512i high = _mm512_add_epi32(_mm512_slli_epi32(sums.digit[2], 8), sums.digit[1]);
  return _mm512_srai_epi32(_mm512_add_epi32(_mm512_slli_epi32(high, 8), sums.digit[0]),
                           kWeightBits);
}

SSLRUN_AVX512 inline __m512i to_bytes(__m512i a, __m512i b, __m512i c, __m512i d) {
  return _mm512_packus_epi16(_mm512_packs_epi32(a, b), _mm512_packs_epi32(c, d));
}

// 16 bytes of each of four rows, the first row's lowest.
SSLRUN_AVX512 inline __m512i load_rows(const std::uint8_t* const rows[4], std::int64_t at) {
  const auto load = [&](int r) {
    return _mm_loadu_si128(reinterpret_cast<const __m128i*>(rows[r] + at));
  };
  const __m256i low = _mm256_inserti128_si256(_mm256_castsi128_si256(load(0)), load(1), 1);
  const __m256i high = _mm256_inserti128_si256(_mm256_castsi128_si256(load(2)), load(3), 1);
  return _mm512_inserti64x4(_mm512_castsi256_si512(low), high, 1);
}

SSLRUN_AVX512 inline void store_rows(__m512i bytes, std::uint8_t* const to[4], std::int64_t at) {
  const auto place = [&](int r) { return reinterpret_cast<__m128i*>(to[r] + at); };
  _mm_storeu_si128(place(0), _mm512_castsi512_si128(bytes));
  _mm_storeu_si128(place(1), _mm512_extracti32x4_epi32(bytes, 1));
  _mm_storeu_si128(place(2), _mm512_extracti32x4_epi32(bytes, 2));
  _mm_storeu_si128(place(3), _mm512_extracti32x4_epi32(bytes, 3));
}

// Sixteen positions of four rows; every 128 bits belong to one of the rows.
SSLRUN_AVX512 void four_rows(const std::uint8_t* const* rows,
                             const ResizeTable& columns,
                             std::int64_t first,
                             std::uint8_t* const* to) {
  const __m512i by_channel =
      _mm512_broadcast_i32x4(_mm_setr_epi8(0, 3, 6, 9, 1, 4, 7, 10, 2, 5, 8, 11, -1, -1, -1, -1));
  const __m512i by_plane =
      _mm512_broadcast_i32x4(_mm_setr_epi8(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15));
  const std::int64_t n = columns.n;
  __m512i four[4];  // of four positions each: four bytes of red, of green, of blue
  for (int quad = 0; quad < 4; ++quad) {
    __m512i levels[4];
    for (int i = 0; i < 4; ++i) {
      const std::int64_t x = first + 4 * quad + i;
      std::int64_t at = 3 * std::int64_t{columns.begin[static_cast<std::size_t>(x)]};
      const std::int32_t* digits = columns.digits.data() + x;
      Sums sums = no_sums();
      for (std::int64_t g = 0; g < columns.groups; ++g, at += 3 * kTapGroup, digits += 3 * n)
        add_group(sums, _mm512_shuffle_epi8(load_rows(rows, at), by_channel), digits, n);
      levels[i] = levels_of(sums);
    }
    four[quad] =
        _mm512_shuffle_epi8(to_bytes(levels[0], levels[1], levels[2], levels[3]), by_plane);
  }
  const __m512i rg0 = _mm512_unpacklo_epi32(four[0], four[1]);
  const __m512i rg1 = _mm512_unpacklo_epi32(four[2], four[3]);
  const __m512i b0 = _mm512_unpackhi_epi32(four[0], four[1]);
  const __m512i b1 = _mm512_unpackhi_epi32(four[2], four[3]);
  store_rows(_mm512_unpacklo_epi64(rg0, rg1), to, first);
  store_rows(_mm512_unpackhi_epi64(rg0, rg1), to, n + first);
  store_rows(_mm512_unpacklo_epi64(b0, b1), to, 2 * n + first);
}

constexpr std::int64_t kWindow = 64;  // bytes of a register

// Sixteen positions of one row after the other, where all their taps lie within kWindows registers
// of bytes from pixel `base` on: a permutation of bytes brings the taps of each position together.
// The digits are summed from the highest down, so that the shifts add them up.
template <int kGroups, int kWindows>
SSLRUN_AVX512 void one_row(const std::uint8_t* const* rows,
                           int num_rows,
                           const ResizeTable& columns,
                           std::int64_t first,
                           std::int32_t base,
                           std::uint8_t* const* to) {
  const std::int64_t n = columns.n;
  const __m512i begin = _mm512_loadu_si512(columns.begin.data() + first);
  const __m512i offset =  // of the four taps' red
      _mm512_add_epi32(_mm512_mullo_epi32(_mm512_sub_epi32(begin, _mm512_set1_epi32(base)),
                                          _mm512_set1_epi32(0x03030303)),
                       _mm512_set1_epi32(0x09060300));
  __m512i index[3][kGroups], digit[3][kGroups];
  for (int c = 0; c < 3; ++c)
    for (int g = 0; g < kGroups; ++g) {
      index[c][g] = _mm512_add_epi8(offset, _mm512_set1_epi8(static_cast<char>(12 * g + c)));
      digit[c][g] = _mm512_loadu_si512(columns.digits.data() + (3 * g + c) * n + first);
    }
  const __m512i by_plane = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
  for (int r = 0; r < num_rows; ++r) {
    const std::uint8_t* from = rows[r] + 3 * base;
    const __m512i low = _mm512_loadu_si512(from);
    const __m512i high = kWindows == 2 ? _mm512_loadu_si512(from + kWindow) : low;
    __m512i level[3];
    for (int c = 0; c < 3; ++c) {
      __m512i taps[kGroups];
      for (int g = 0; g < kGroups; ++g)
        taps[g] = kWindows == 2 ? _mm512_permutex2var_epi8(low, index[c][g], high)
                                : _mm512_permutexvar_epi8(index[c][g], low);
      __m512i sum = _mm512_set1_epi32(kRoundSum >> 16);
      for (int i = 2; i >= 0; --i) {
        for (int g = 0; g < kGroups; ++g) sum = _mm512_dpbusd_epi32(sum, taps[g], digit[i][g]);
        if (i > 0) sum = _mm512_slli_epi32(sum, 8);
      }
      level[c] = _mm512_srai_epi32(sum, kWeightBits);
    }
    const __m512i bytes =
        _mm512_permutexvar_epi32(by_plane, to_bytes(level[0], level[1], level[2], level[2]));
    const auto place = [&](int c) { return reinterpret_cast<__m128i*>(to[r] + c * n + first); };
    _mm_storeu_si128(place(0), _mm512_castsi512_si128(bytes));
    _mm_storeu_si128(place(1), _mm512_extracti32x4_epi32(bytes, 1));
    _mm_storeu_si128(place(2), _mm512_extracti32x4_epi32(bytes, 2));
  }
}

using RowBlock = decltype(&one_row<1, 1>);

void horizontal_rgb(const std::uint8_t* const* rows,
                    int num_rows,
                    const ResizeTable& columns,
                    std::int64_t,
                    std::uint8_t* const* to) {
  static constexpr RowBlock kBlocks[3][2] = {{one_row<1, 1>, one_row<1, 2>},
                                             {one_row<2, 1>, one_row<2, 2>},
                                             {one_row<3, 1>, one_row<3, 2>}};
  for (std::int64_t first = 0; first < columns.n; first += kPositions) {
    const std::int32_t* begin = columns.begin.data() + first;
    const std::int32_t* count = columns.count.data() + first;
    std::int32_t base = begin[0], end = 0;
    for (std::int64_t i = 0; i < kPositions; ++i) {
      base = std::min(base, begin[i]);
      end = std::max(end, begin[i] + count[i]);
    }
    const std::int64_t windows = (3 * (end - base) + kWindow - 1) / kWindow;
    if (columns.groups <= 3 && windows <= 2) {
      kBlocks[columns.groups - 1][windows - 1](rows, num_rows, columns, first, base, to);
      continue;
    }
    for (int r = 0; r < num_rows; r += kRowStep) four_rows(rows + r, columns, first, to + r);
  }
}

SSLRUN_AVX512 void vertical(const std::uint8_t* const* lines,
                            const ResizeTable& rows,
                            std::int64_t y,
                            std::int64_t n,
                            std::uint8_t* to) {
  constexpr std::int64_t kBytes = 64;
  for (std::int64_t begin = 0; begin < n; begin += kBytes) {
    const std::int64_t left = n - begin;
    const __mmask64 real = left >= kBytes ? ~__mmask64{0} : (__mmask64{1} << left) - 1;
    Sums sums[4] = {no_sums(), no_sums(), no_sums(), no_sums()};
    const std::int32_t* digits = rows.digits.data() + y;
    for (std::int64_t g = 0; g < rows.groups; ++g, digits += 3 * rows.n) {
      __m512i line[4];
      for (int k = 0; k < 4; ++k)
        line[k] = _mm512_maskz_loadu_epi8(real, lines[g * kTapGroup + k] + begin);
      const __m512i low01 = _mm512_unpacklo_epi8(line[0], line[1]);
      const __m512i low23 = _mm512_unpacklo_epi8(line[2], line[3]);
      const __m512i high01 = _mm512_unpackhi_epi8(line[0], line[1]);
      const __m512i high23 = _mm512_unpackhi_epi8(line[2], line[3]);
      add_group(sums[0], _mm512_unpacklo_epi16(low01, low23), digits, rows.n);
      add_group(sums[1], _mm512_unpackhi_epi16(low01, low23), digits, rows.n);
      add_group(sums[2], _mm512_unpacklo_epi16(high01, high23), digits, rows.n);
      add_group(sums[3], _mm512_unpackhi_epi16(high01, high23), digits, rows.n);
    }
    const __m512i bytes =
        to_bytes(levels_of(sums[0]), levels_of(sums[1]), levels_of(sums[2]), levels_of(sums[3]));
    _mm512_mask_storeu_epi8(to + begin, real, bytes);
  }
}

}  // namespace

ResizePasses avx512_resize_passes() {
  return {horizontal_rgb, portable_resize_passes().general, vertical, pack_digits};
}

}  // namespace sslrun::kernels
#endif
