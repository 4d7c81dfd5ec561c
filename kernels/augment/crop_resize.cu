// One block makes kColumns columns of one output row of one view; one thread makes one pixel,
// four channels at a time.
#include "kernels/augment/crop_resize.h"
#include "kernels/augment/crop_resize_core.h"
#include "kernels/cuda/launch.cuh"

namespace sslrun::kernels {
namespace {

constexpr int kColumns = 256;
constexpr int kChannels = 4;

std::int64_t blocks_per_row(const CropResizeArgs& a) {
  return (a.out_width + kColumns - 1) / kColumns;
}

// Channels first, first + 1, ... of one pixel.
template <class Sample>
__device__ void make_pixel(const CropResizeArgs& a,
                           const CropResizeView& v,
                           std::int64_t y,
                           std::int64_t x,
                           std::int64_t first) {
  const ResizeTaps columns =
      resize_taps(unflipped(x, a.out_width, v.flip), v.width, a.out_width, a.filter);
  const ResizeTaps rows = resize_taps(y, v.height, a.out_height, a.filter);
  const auto* picture = static_cast<const Sample*>(v.picture);
  const std::int64_t left = a.channels - first;
  const int count = left < kChannels ? static_cast<int>(left) : kChannels;
  float pixel[kChannels] = {};
  for (std::int64_t k = 0; k < columns.count; ++k) {
    const Sample* p =
        picture +
        ((v.top + rows.begin) * v.picture_width + v.left + columns.begin + k) * a.channels + first;
    float sum[kChannels] = {};
    for (std::int64_t j = 0; j < rows.count; ++j, p += v.picture_width * a.channels) {
      const float weight = sample_weight(rows.weight(j), sizeof(Sample) == 2);
      for (int c = 0; c < count; ++c) sum[c] = add_sample(sum[c], weight, p[c]);
    }
    const float weight = columns.weight(k);
    for (int c = 0; c < count; ++c) pixel[c] = add_tap(pixel[c], weight, sum[c]);
  }
  const std::int64_t plane = a.out_height * a.out_width;
  for (int c = 0; c < count; ++c)
    v.out[(first + c) * plane + y * a.out_width + x] = in_range(pixel[c]);
}

__global__ void __launch_bounds__(kColumns)
    crop_resize_kernel(CropResizeArgs a, std::int64_t row_blocks) {
  const std::int64_t row = blockIdx.x / row_blocks;
  const std::int64_t x = (blockIdx.x % row_blocks) * kColumns + threadIdx.x;
  if (x >= a.out_width) return;
  const CropResizeView v = a.views[row / a.out_height];
  for (std::int64_t first = 0; first < a.channels; first += kChannels) {
    if (a.wide)
      make_pixel<std::uint16_t>(a, v, row % a.out_height, x, first);
    else
      make_pixel<std::uint8_t>(a, v, row % a.out_height, x, first);
  }
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
