#include "kernels/augment/resize_table.h"

#include "kernels/simd.h"

#include <algorithm>

namespace sslrun::kernels {
namespace {

template <class T>
void grow(std::vector<T>& v, std::int64_t size) {
  if (static_cast<std::int64_t>(v.size()) < size) v.resize(static_cast<std::size_t>(size));
}

// The taps of every position in arrays, so that the loops over positions are vector loops.
struct Taps {
  std::vector<double> center, total;
};

SSLRUN_CLONES void find_taps(const ResizeAxis& axis,
                             std::int64_t out,
                             bool flip,
                             std::int64_t n,
                             std::int32_t* __restrict begin,
                             std::int32_t* __restrict count,
                             double* __restrict center) {
  for (std::int64_t x = 0; x < n; ++x) {
    const ResizeTaps t = resize_taps(axis, unflipped(x < out ? x : out - 1, out, flip));
    begin[x] = t.begin;
    count[x] = t.count;
    center[x] = t.center;
  }
}

SSLRUN_CLONES void raw_weights(const ResizeAxis& axis,
                               const std::int32_t* __restrict begin,
                               const std::int32_t* __restrict count,
                               const double* __restrict center,
                               std::int64_t num_taps,
                               std::int64_t n,
                               double* __restrict weight,
                               double* __restrict total) {
  for (std::int64_t x = 0; x < n; ++x) total[x] = 0.0;
  for (std::int32_t k = 0; k < num_taps; ++k)
    for (std::int64_t x = 0; x < n; ++x) {
      const double raw = raw_weight(axis, {begin[x], count[x], center[x]}, k);
      const double w = k < count[x] ? raw : 0.0;
      weight[k * n + x] = w;
      total[x] += w;
    }
}

SSLRUN_CLONES void divide_weights(const double* __restrict total,
                                  std::int64_t num_taps,
                                  std::int64_t n,
                                  double* __restrict weight,
                                  std::int32_t* __restrict integer) {
  for (std::int64_t k = 0; k < num_taps; ++k)
    for (std::int64_t x = 0; x < n; ++x) {
      const double w = weight[k * n + x] / total[x];
      weight[k * n + x] = w;
      integer[k * n + x] = integer_weight(w);
    }
}

std::int32_t signed_byte(std::int32_t w) {
  return static_cast<std::int8_t>(w & 0xff);
}

SSLRUN_CLONES void digits_of(const std::int32_t* __restrict weight,
                             std::int64_t n,
                             std::int32_t* __restrict digits) {
  for (std::int64_t x = 0; x < n; ++x) {
    std::uint32_t words[3] = {0, 0, 0};
    for (int k = 0; k < kTapGroup; ++k) {
      std::int32_t w = weight[k * n + x];
      for (std::uint32_t& word : words) {
        const std::int32_t digit = signed_byte(w);
        word |= static_cast<std::uint32_t>(digit & 0xff) << (8 * k);
        w = (w - digit) >> 8;
      }
    }
    for (int i = 0; i < 3; ++i) digits[i * n + x] = static_cast<std::int32_t>(words[i]);
  }
}

SSLRUN_CLONES void halves_of(const std::int32_t* __restrict weight,
                             std::int64_t n,
                             std::int32_t* __restrict halves) {
  for (std::int64_t x = 0; x < n; ++x)
    for (int pair = 0; pair < 2; ++pair) {
      const std::int32_t a = weight[2 * pair * n + x], b = weight[(2 * pair + 1) * n + x];
      halves[2 * pair * n + x] = (a & 2047) | (b & 2047) << 16;
      halves[(2 * pair + 1) * n + x] = ((a >> 11) & 0xffff) | (b >> 11) * 65536;
    }
}

}  // namespace

void make_resize_table(const ResizeAxis& axis, std::int64_t out, bool flip, ResizeTable& table) {
  thread_local Taps taps;
  const std::int64_t n = table.n = padded_positions(out);
  grow(table.count, n);
  grow(taps.center, n);
  grow(taps.total, n);
  grow(table.begin, n);
  find_taps(axis, out, flip, n, table.begin.data(), table.count.data(), taps.center.data());
  const std::int64_t most = *std::max_element(table.count.begin(), table.count.begin() + n);
  table.groups = (most + kTapGroup - 1) / kTapGroup;
  const std::int64_t num_taps = table.groups * kTapGroup;
  grow(table.weight, num_taps * n);
  grow(table.integer, num_taps * n);
  raw_weights(axis,
              table.begin.data(),
              table.count.data(),
              taps.center.data(),
              num_taps,
              n,
              table.weight.data(),
              taps.total.data());
  divide_weights(taps.total.data(), num_taps, n, table.weight.data(), table.integer.data());
}

void pack_digits(ResizeTable& table) {
  grow(table.digits, table.groups * 3 * table.n);
  for (std::int64_t g = 0; g < table.groups; ++g)
    digits_of(table.integer.data() + g * kTapGroup * table.n,
              table.n,
              table.digits.data() + g * 3 * table.n);
}

void pack_halves(ResizeTable& table) {
  grow(table.halves, table.groups * 4 * table.n);
  for (std::int64_t g = 0; g < table.groups; ++g)
    halves_of(table.integer.data() + g * kTapGroup * table.n,
              table.n,
              table.halves.data() + g * 4 * table.n);
}

}  // namespace sslrun::kernels
