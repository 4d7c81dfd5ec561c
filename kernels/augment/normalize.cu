// One block normalizes kPixels pixels of one view; one thread makes one pixel, all channels.
#include "kernels/augment/normalize.h"
#include "kernels/augment/normalize_core.h"
#include "kernels/cuda/launch.cuh"

namespace sslrun::kernels {
namespace {

constexpr int kPixels = 256;

__global__ void __launch_bounds__(kPixels)
    normalize_kernel(NormalizeArgs a, std::int64_t view_blocks) {
  const NormalizeView v = a.views[blockIdx.x / view_blocks];
  const std::int64_t i = (blockIdx.x % view_blocks) * kPixels + threadIdx.x;
  if (i >= a.num_pixels) return;
  for (std::int64_t c = 0; c < a.channels; ++c)
    v.out[a.channels * i + c] =
        normalized(v.pixels[c * a.num_pixels + i], a.mean[c], inverse_std(a.std[c]));
}

}  // namespace

void normalize(const NormalizeArgs& a, Cuda device) {
  const std::int64_t view_blocks = (a.num_pixels + kPixels - 1) / kPixels;
  launch("normalize", normalize_kernel, a.num_views * view_blocks, kPixels, device, a, view_blocks);
}

}  // namespace sslrun::kernels
