// One block makes kColumns columns of one output row of one view; one thread makes one pixel, all
// three channels.
#include "kernels/augment/crop_resize.h"
#include "kernels/augment/crop_resize_core.h"
#include "kernels/cuda/launch.cuh"

namespace sslrun::kernels {
namespace {

constexpr int kColumns = 256;

std::int64_t blocks_per_row(const CropResizeArgs& a) {
  return (a.out_width + kColumns - 1) / kColumns;
}

__global__ void __launch_bounds__(kColumns)
    crop_resize_kernel(CropResizeArgs a, std::int64_t row_blocks) {
  const std::int64_t row = blockIdx.x / row_blocks;
  const std::int64_t x = (blockIdx.x % row_blocks) * kColumns + threadIdx.x;
  if (x >= a.out_width) return;
  const std::int64_t y = row % a.out_height;
  const CropResizeView v = a.views[row / a.out_height];
  const ResizeTaps columns =
      resize_taps(unflipped(x, a.out_width, v.flip), v.width, a.out_width, a.filter);
  const ResizeTaps rows = resize_taps(y, v.height, a.out_height, a.filter);
  float pixel[3] = {0.f, 0.f, 0.f};
  for (std::int64_t k = 0; k < columns.count; ++k) {
    const std::uint8_t* p =
        v.picture + ((v.top + rows.begin) * v.picture_width + v.left + columns.begin + k) * 3;
    float sum[3] = {0.f, 0.f, 0.f};
    for (std::int64_t j = 0; j < rows.count; ++j, p += v.picture_width * 3) {
      const float weight = byte_weight(rows.weight(j));
      for (int c = 0; c < 3; ++c) sum[c] = add_byte(sum[c], weight, p[c]);
    }
    const float weight = columns.weight(k);
    for (int c = 0; c < 3; ++c) pixel[c] = add_tap(pixel[c], weight, sum[c]);
  }
  const std::int64_t plane = a.out_height * a.out_width;
  for (int c = 0; c < 3; ++c) v.out[c * plane + y * a.out_width + x] = in_range(pixel[c]);
}

}  // namespace

void crop_resize(const CropResizeArgs& a, Cuda device) {
  const std::int64_t row_blocks = blocks_per_row(a);
  launch("crop_resize",
         crop_resize_kernel,
         a.num_views * a.out_height * row_blocks,
         kColumns,
         device,
         a,
         row_blocks);
}

}  // namespace sslrun::kernels
