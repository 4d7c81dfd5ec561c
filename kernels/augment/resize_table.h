// The taps of one axis of crop_resize, ready for the passes over pixels.
#pragma once
#include "kernels/augment/crop_resize_core.h"

#include <cstdint>
#include <vector>

namespace sslrun::kernels {

/// Taps are taken in groups of this many; those that an output position does not have weigh 0.
constexpr std::int64_t kTapGroup = 4;
/// Positions are padded to a multiple of this many; those past the end repeat the last one.
constexpr std::int64_t kPositions = 16;

constexpr std::int64_t padded_positions(std::int64_t n) {
  return (n + kPositions - 1) / kPositions * kPositions;
}

/// One axis. shapes: n = padded_positions(out); all arrays have positions last.
struct ResizeTable {
  std::int64_t groups = 0;
  std::int64_t n = 0;
  std::vector<std::int32_t> begin;    // [n]
  std::vector<std::int32_t> count;    // [n]
  std::vector<double> weight;         // [groups * kTapGroup, n]
  std::vector<std::int32_t> integer;  // [groups * kTapGroup, n], integer_weight() of them
  std::vector<std::int32_t> digits;   // [groups, 3, n]: see pack_digits()
  std::vector<std::int32_t> halves;   // [groups, 4, n]: see pack_halves()
};

/// Fills all but digits and halves. The table only grows, so that reuse allocates nothing.
void make_resize_table(const ResizeAxis& axis, std::int64_t out, bool flip, ResizeTable& table);

/// Integer weights as three signed bytes, w = d0 + 256 d1 + 65536 d2: word (g, i, x) holds digit i
/// of the four taps of group g, the first in its lowest byte.
void pack_digits(ResizeTable& table);

/// Integer weights as two halves, w = low + 2048 high, low >= 0: words (g, 0, x) and (g, 1, x) hold
/// low and high of the first two taps of group g, the first in the lower 16 bits; (g, 2, x) and
/// (g, 3, x) those of the other two.
void pack_halves(ResizeTable& table);

}  // namespace sslrun::kernels
