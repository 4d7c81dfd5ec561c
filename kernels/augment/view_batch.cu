// crop: one block makes kBatchPixels pixels of one view, one thread one pixel. colours: one block a
// view; thread j owns pixels j, j + kGrayLanes, ... blur: one block makes a tile of one view, channel
// by channel; its rows, with what the columns reach above and below, lie in shared memory.
#include "kernels/augment/gray_lanes.cuh"
#include "kernels/augment/view_batch.h"
#include "kernels/cuda/launch.cuh"

namespace sslrun::kernels {
namespace {

constexpr int kBlurThreads = 256;
constexpr int kTileRows = kBlurTile + 2 * static_cast<int>(kMaxBlurRadius);

// The view that owns block b: the last whose first is not behind it. Views without blocks share
// their successor's first.
__device__ std::int64_t view_of(const BatchView* views,
                                std::int64_t n,
                                std::int64_t b,
                                std::int64_t BatchView::*first) {
  std::int64_t low = 0, high = n;
  while (high - low > 1) {
    const std::int64_t middle = (low + high) / 2;
    (views[middle].*first <= b ? low : high) = middle;
  }
  return low;
}

__global__ void __launch_bounds__(kBatchPixels) crop_kernel(ViewBatchArgs a) {
  __shared__ std::int64_t owner;
  if (threadIdx.x == 0)
    owner = view_of(a.views(), a.size.num_views, blockIdx.x, &BatchView::first_block);
  __syncthreads();
  const BatchView& v = a.views()[owner];
  const std::int64_t i = (blockIdx.x - v.first_block) * kBatchPixels + threadIdx.x;
  if (i < v.num_pixels()) resize_pixel(a.pack, v, a.size.channels, i, a.resized + v.resized);
}

__global__ void __launch_bounds__(kGrayLanes) colours_kernel(ViewBatchArgs a) {
  const BatchView& v = a.views()[blockIdx.x];
  const std::uint8_t* resized = a.resized + v.resized;
  const auto* stats = reinterpret_cast<const float*>(a.pack + v.stats);
  const std::int64_t n = v.num_pixels();
  if (a.size.channels != 3) {
    for (std::int64_t i = threadIdx.x; i < a.size.channels * n; i += kGrayLanes) {
      float x = byte_to_unit(resized[i]);
      for (int s = 0; s < v.num_before; ++s) x = tone(x, v.steps[s]);
      put_toned(x, v, stats, a.size.channels, i / n, i % n, a.changed, a.out);
    }
    return;
  }
  float means[kMaxToneSteps] = {};
  for (int s = 0; s < v.num_before; ++s) {
    if (v.steps[s].op != ToneOp::kContrast) continue;
    float mine = 0.f;
    for (std::int64_t i = threadIdx.x; i < n; i += kGrayLanes)
      mine += gray(toned_pixel(resized, v, i, s, means));
    means[s] = merge_lanes(mine) / static_cast<float>(n);
  }
  for (std::int64_t i = threadIdx.x; i < n; i += kGrayLanes) {
    const Rgb p = toned_pixel(resized, v, i, v.num_before, means);
    put_toned(p.r, v, stats, 3, 0, i, a.changed, a.out);
    put_toned(p.g, v, stats, 3, 1, i, a.changed, a.out);
    put_toned(p.b, v, stats, 3, 2, i, a.changed, a.out);
  }
}

__global__ void __launch_bounds__(kBlurThreads) blur_kernel(ViewBatchArgs a) {
  __shared__ std::int64_t owner;
  __shared__ float rows[kTileRows][kBlurTile];
  __shared__ float weight[kMaxBlurRadius + 1];
  if (threadIdx.x == 0)
    owner = view_of(a.views(), a.size.num_views, blockIdx.x, &BatchView::first_tile);
  __syncthreads();
  const BatchView& v = a.views()[owner];
  const auto* stats = reinterpret_cast<const float*>(a.pack + v.stats);
  const int reach = v.blur_reach;
  if (threadIdx.x <= reach)
    weight[threadIdx.x] = reinterpret_cast<const float*>(a.pack + v.blur_weights)[threadIdx.x];
  const std::int64_t height = v.rows.n, width = v.columns.n;
  const std::int64_t tile = blockIdx.x - v.first_tile, across = (width + kBlurTile - 1) / kBlurTile;
  const std::int64_t top = tile / across * kBlurTile, left = tile % across * kBlurTile;
  for (std::int64_t c = 0; c < a.size.channels; ++c) {
    const float* plane = a.changed + v.changed + c * v.num_pixels();
    __syncthreads();  // the channel before has been read, the weights are there
    for (int i = threadIdx.x; i < (kBlurTile + 2 * reach) * kBlurTile; i += kBlurThreads) {
      const std::int64_t x = left + i % kBlurTile;
      const float* line = plane + reflect(top + i / kBlurTile - reach, height) * width;
      if (x < width)
        rows[i / kBlurTile][i % kBlurTile] =
            blur_sum(weight, reach, [&](std::int64_t d) { return line[reflect(x + d, width)]; });
    }
    __syncthreads();
    for (int i = threadIdx.x; i < kBlurTile * kBlurTile; i += kBlurThreads) {
      const int row = i / kBlurTile, column = i % kBlurTile;
      const std::int64_t y = top + row, x = left + column;
      if (y >= height || x >= width) continue;
      const float sum =
          blur_sum(weight, reach, [&](int d) { return rows[row + reach + d][column]; });
      a.out[v.out + (y * width + x) * a.size.channels + c] =
          finish(sum, v, stats, a.size.channels, c);
    }
  }
}

}  // namespace

void view_batch(const ViewBatchArgs& a, Cuda device) {
  launch("view_batch crop", crop_kernel, a.size.num_blocks, kBatchPixels, device, a);
  launch("view_batch colours", colours_kernel, a.size.num_views, kGrayLanes, device, a);
  launch("view_batch blur", blur_kernel, a.size.num_tiles, kBlurThreads, device, a);
}

}  // namespace sslrun::kernels
