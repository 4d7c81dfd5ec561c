#include "kernels/augment/crop_resize.h"

#include "kernels/augment/crop_resize_core.h"
#include "kernels/augment/resize_passes.h"
#include "kernels/augment/resize_table.h"
#include "kernels/simd.h"

#include <algorithm>
#include <cstddef>
#include <vector>

namespace sslrun::kernels {
namespace {

// What a thread keeps from crop to crop.
struct Workspace {
  ResizeTable columns, rows;
  std::vector<std::uint8_t> between;       // bytes after the first pass
  std::vector<std::uint8_t> planes;        // rows of planar bytes
  std::vector<std::uint8_t> copies;        // rows of pixels with room behind them
  std::vector<const std::uint8_t*> lines;  // the lines that make one output row
  std::vector<float> sum;                  // wide: a row after the pass along y
};

template <class T>
T* room(std::vector<T>& v, std::int64_t size) {
  if (static_cast<std::int64_t>(v.size()) < size) v.resize(static_cast<std::size_t>(size));
  return v.data();
}

// Lines of bytes, pitch apart; `end` is where reading must stop.
struct Lines {
  const std::uint8_t* first;
  std::int64_t count, pitch;
  const std::uint8_t* end;
};

// Interleaved pixels along x. Returns lines of planar bytes, [channels, columns.n] each, in `to`.
Lines resize_x(const Lines& from,
               std::int64_t width,
               std::int64_t channels,
               const ResizePasses& passes,
               Workspace& work,
               std::vector<std::uint8_t>& to) {
  const std::int64_t line = channels * work.columns.n;
  const std::int64_t needed = bytes_read(width, work.columns.groups, channels);
  const std::int64_t size = (from.count + kRowStep - 1) * line;
  std::uint8_t* planar = room(to, size);
  std::uint8_t* copies = room(work.copies, kRowsAtOnce * needed);
  const HorizontalPass pass = channels == 3 ? passes.rgb : passes.general;
  for (std::int64_t y = 0; y < from.count; y += kRowsAtOnce) {
    const std::uint8_t* rows[kRowsAtOnce];
    std::uint8_t* made[kRowsAtOnce];
    const auto left = static_cast<int>(std::min<std::int64_t>(kRowsAtOnce, from.count - y));
    const int num_rows = (left + kRowStep - 1) / kRowStep * kRowStep;  // the last ones repeat
    for (int r = 0; r < num_rows; ++r) {
      rows[r] = from.first + std::min(y + r, from.count - 1) * from.pitch;
      made[r] = planar + (y + r) * line;
      if (from.end - rows[r] >= needed) continue;
      std::uint8_t* copy = copies + r * needed;
      std::copy_n(rows[r], width * channels, copy);
      rows[r] = copy;
    }
    pass(rows, num_rows, work.columns, channels, made);
  }
  return {planar, from.count, line, planar + size};
}

// n bytes of each line along y, to `height` lines that are to_pitch apart.
void resize_y(const Lines& from,
              std::int64_t n,
              std::int64_t height,
              const ResizePasses& passes,
              Workspace& work,
              std::uint8_t* to,
              std::int64_t to_pitch) {
  const std::int64_t num_taps = work.rows.groups * kTapGroup;
  const std::uint8_t** lines = room(work.lines, num_taps);
  for (std::int64_t y = 0; y < height; ++y) {
    const std::int64_t begin = work.rows.begin[static_cast<std::size_t>(y)];
    for (std::int64_t k = 0; k < num_taps; ++k)
      lines[k] = from.first + std::min(begin + k, from.count - 1) * from.pitch;
    passes.vertical(lines, work.rows, y, n, to + y * to_pitch);
  }
}

template <class View, class Args>
void make_tables(const View& v, const Args& a, Workspace& work) {
  make_resize_table(resize_axis(v.width, a.out_width, a.filter), a.out_width, v.flip, work.columns);
  make_resize_table(resize_axis(v.height, a.out_height, a.filter), a.out_height, false, work.rows);
}

void crop_resize_one(const ByteCropView& v, const ByteCropArgs& a, Workspace& work) {
  const ResizePasses passes = resize_passes(simd_in_use());
  make_tables(v, a, work);
  passes.pack(work.columns);
  passes.pack(work.rows);
  const std::int64_t pitch = v.picture_width * a.channels, width = v.width * a.channels;
  const std::int64_t plane = a.out_height * a.out_width, n = work.columns.n;
  const std::uint8_t* first = v.picture + v.top * pitch + v.left * a.channels;
  const Lines crop{first, v.height, pitch, first + (v.height - 1) * pitch + width};
  if (y_first(v.height, v.width, a.out_height, a.out_width)) {
    const std::int64_t padded = bytes_read(v.width, work.columns.groups, a.channels);
    std::uint8_t* between = room(work.between, a.out_height * padded);
    resize_y(crop, width, a.out_height, passes, work, between, padded);
    const Lines shorter{between, a.out_height, padded, between + a.out_height * padded};
    const Lines rows = resize_x(shorter, v.width, a.channels, passes, work, work.planes);
    for (std::int64_t y = 0; y < a.out_height; ++y)
      for (std::int64_t c = 0; c < a.channels; ++c)
        std::copy_n(
            rows.first + y * rows.pitch + c * n, a.out_width, v.out + c * plane + y * a.out_width);
    return;
  }
  Lines rows = resize_x(crop, v.width, a.channels, passes, work, work.between);
  for (std::int64_t c = 0; c < a.channels; ++c, rows.first += n)
    resize_y(rows, a.out_width, a.out_height, passes, work, v.out + c * plane, a.out_width);
}

SSLRUN_CLONES void add_row(const std::uint16_t* __restrict row,
                           float weight,
                           std::int64_t n,
                           float* __restrict sum) {
  for (std::int64_t i = 0; i < n; ++i) sum[i] += weight * static_cast<float>(row[i]);
}

// Columns of one output row of one channel; the sum's pixels are `channels` apart.
void sum_columns(const float* sum,
                 const ResizeTable& columns,
                 std::int64_t channels,
                 std::int64_t width,
                 float* out) {
  for (std::int64_t x = 0; x < width; ++x) {
    const auto begin = static_cast<std::int64_t>(columns.begin[static_cast<std::size_t>(x)]);
    const double* weight = columns.weight.data() + x;
    float total = 0.f;
    for (std::int64_t k = 0; k < columns.groups * kTapGroup; ++k)
      total += static_cast<float>(weight[k * columns.n]) * sum[(begin + k) * channels];
    out[x] = sum_to_unit(total);
  }
}

void crop_resize_one(const WideCropView& v, const WideCropArgs& a, Workspace& work) {
  make_tables(v, a, work);
  const std::int64_t size = v.width * a.channels, num_taps = work.rows.groups * kTapGroup;
  const std::int64_t readable = size + work.columns.groups * kTapGroup * a.channels;
  float* sum = room(work.sum, readable);
  for (std::int64_t y = 0; y < a.out_height; ++y) {
    std::fill_n(sum, readable, 0.f);
    for (std::int64_t k = 0; k < num_taps; ++k) {
      const double weight = work.rows.weight[static_cast<std::size_t>(k * work.rows.n + y)];
      const std::int64_t row = work.rows.begin[static_cast<std::size_t>(y)] + k;
      if (row >= v.height) break;
      const std::uint16_t* from =
          v.picture + ((v.top + row) * v.picture_width + v.left) * a.channels;
      add_row(from, static_cast<float>(weight), size, sum);
    }
    for (std::int64_t c = 0; c < a.channels; ++c)
      sum_columns(sum + c,
                  work.columns,
                  a.channels,
                  a.out_width,
                  v.out + (c * a.out_height + y) * a.out_width);
  }
}

template <class Args>
void crop_resize_all(const Args& a) {
  thread_local Workspace work;
  for (std::int64_t i = 0; i < a.num_views; ++i) crop_resize_one(a.views[i], a, work);
}

}  // namespace

void crop_resize(const ByteCropArgs& a, Cpu) {
  crop_resize_all(a);
}

void crop_resize(const WideCropArgs& a, Cpu) {
  crop_resize_all(a);
}

}  // namespace sslrun::kernels
