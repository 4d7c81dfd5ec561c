// One block makes kColumns columns of one output row of one view; one thread makes one pixel, all
// channels.
#include "kernels/augment/crop_resize.h"
#include "kernels/augment/crop_resize_core.h"
#include "kernels/cuda/launch.cuh"

namespace sslrun::kernels {
namespace {

constexpr int kColumns = 256;

// One axis of a pass: how far apart its samples are, and which of them count.
struct Pass {
  std::int64_t stride;
  ResizeAxis axis;
  ResizeTaps taps;
  double total;

  __device__ Pass(std::int64_t step, const ResizeAxis& along, std::int64_t i)
      : stride(step), axis(along), taps(resize_taps(along, i)), total(total_weight(along, taps)) {}

  __device__ double weight(std::int32_t k) const { return raw_weight(axis, taps, k) / total; }
};

// One pixel of one channel. crop: its first sample.
__device__ std::uint8_t resized(const std::uint8_t* crop, const Pass& first, const Pass& second) {
  std::int32_t sum = kRoundSum;
  for (std::int32_t j = 0; j < second.taps.count; ++j) {
    const std::uint8_t* from =
        crop + (second.taps.begin + j) * second.stride + first.taps.begin * first.stride;
    std::int32_t line_sum = kRoundSum;
    for (std::int32_t k = 0; k < first.taps.count; ++k)
      line_sum += integer_weight(first.weight(k)) * from[k * first.stride];
    sum += integer_weight(second.weight(j)) * sum_to_byte(line_sum);
  }
  return sum_to_byte(sum);
}

__device__ float resized(const std::uint16_t* crop, const Pass& first, const Pass& second) {
  float sum = 0.f;
  for (std::int32_t j = 0; j < second.taps.count; ++j) {
    const std::uint16_t* from =
        crop + (second.taps.begin + j) * second.stride + first.taps.begin * first.stride;
    float line_sum = 0.f;
    for (std::int32_t k = 0; k < first.taps.count; ++k)
      line_sum += static_cast<float>(first.weight(k)) * static_cast<float>(from[k * first.stride]);
    sum += static_cast<float>(second.weight(j)) * line_sum;
  }
  return sum_to_unit(sum);
}

template <class Args>
__global__ void __launch_bounds__(kColumns) crop_resize_kernel(Args a, std::int64_t row_blocks) {
  const std::int64_t row = blockIdx.x / row_blocks, y = row % a.out_height;
  const std::int64_t x = (blockIdx.x % row_blocks) * kColumns + threadIdx.x;
  if (x >= a.out_width) return;
  const auto v = a.views[row / a.out_height];
  const std::int64_t pitch = v.picture_width * a.channels;
  const Pass along_x(
      a.channels, resize_axis(v.width, a.out_width, a.filter), unflipped(x, a.out_width, v.flip));
  const Pass along_y(pitch, resize_axis(v.height, a.out_height, a.filter), y);
  const bool wide = sizeof(*v.picture) == 2;
  const bool vertical = wide || y_first(v.height, v.width, a.out_height, a.out_width);
  for (std::int64_t c = 0; c < a.channels; ++c) {
    const auto* crop = v.picture + v.top * pitch + v.left * a.channels + c;
    v.out[(c * a.out_height + y) * a.out_width + x] =
        vertical ? resized(crop, along_y, along_x) : resized(crop, along_x, along_y);
  }
}

template <class Args>
void launch_crop_resize(const Args& a, Cuda device) {
  const std::int64_t row_blocks = (a.out_width + kColumns - 1) / kColumns;
  launch("crop_resize",
         crop_resize_kernel<Args>,
         a.num_views * a.out_height * row_blocks,
         kColumns,
         device,
         a,
         row_blocks);
}

}  // namespace

void crop_resize(const ByteCropArgs& a, Cuda device) {
  launch_crop_resize(a, device);
}

void crop_resize(const WideCropArgs& a, Cuda device) {
  launch_crop_resize(a, device);
}

}  // namespace sslrun::kernels
