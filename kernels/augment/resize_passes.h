// The two passes of crop_resize over bytes, in a version for each instruction set. All give the same
// bytes: their sums are integers.
#pragma once
#include "kernels/augment/resize_table.h"
#include "kernels/simd.h"

#include <cstdint>

namespace sslrun::kernels {

/// Rows that a horizontal pass makes at once, at most; a multiple of kRowStep.
constexpr int kRowsAtOnce = 16;
constexpr int kRowStep = 4;

/// Bytes that a horizontal pass may read from the beginning of a row of pixels.
constexpr std::int64_t bytes_read(std::int64_t width, std::int64_t groups, std::int64_t channels) {
  return channels * (width + groups * kTapGroup) + 128;
}

/// Resizes num_rows rows along x. rows: interleaved pixels, bytes_read() of them readable.
/// to[r]: [channels, columns.n] planar. columns: packed as the version wants it.
using HorizontalPass = void (*)(const std::uint8_t* const* rows,
                                int num_rows,
                                const ResizeTable& columns,
                                std::int64_t channels,
                                std::uint8_t* const* to);

/// Makes one line of n bytes out of others: sum over k of the table's weight of tap k at position y
/// times lines[k], for its groups * kTapGroup lines.
using VerticalPass = void (*)(const std::uint8_t* const* lines,
                              const ResizeTable& rows,
                              std::int64_t y,
                              std::int64_t n,
                              std::uint8_t* to);

struct ResizePasses {
  HorizontalPass rgb;      // three channels
  HorizontalPass general;  // any number of them
  VerticalPass vertical;
  void (*pack)(ResizeTable&);  // what rgb and vertical want of a table
};

/// The versions for an instruction set that this processor has.
ResizePasses resize_passes(Simd simd);

ResizePasses portable_resize_passes();
ResizePasses avx2_resize_passes();
ResizePasses avx512_resize_passes();

}  // namespace sslrun::kernels
