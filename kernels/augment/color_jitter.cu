// One block per view; thread j owns pixels j, j + kGrayLanes, ... in every sweep, so it sees only
// what it wrote itself.
#include "kernels/augment/color_jitter.h"
#include "kernels/augment/gray_lanes.cuh"
#include "kernels/cuda/launch.cuh"

namespace sslrun::kernels {
namespace {

__global__ void __launch_bounds__(kGrayLanes) color_jitter_kernel(ColorJitterArgs a) {
  const ColorJitterView v = a.views[blockIdx.x];
  float mean = 0.f;
  int begin = 0, end = next_contrast(v.steps, 0);
  for (;;) {
    float mine = 0.f;
    const bool last = end == kJitterSteps;
    for (std::int64_t i = threadIdx.x; i < a.num_pixels; i += kGrayLanes) {
      float *r = v.pixels + i, *g = r + a.num_pixels, *b = g + a.num_pixels;
      Rgb p{*r, *g, *b};
      for (int s = begin; s < end; ++s) p = adjust(p, v.steps[s], mean);
      if (!last) mine += gray(p);
      if (last && v.grayscale) p = gray_pixel(p);
      *r = p.r;
      *g = p.g;
      *b = p.b;
    }
    if (last) return;
    mean = merge_lanes(mine) / static_cast<float>(a.num_pixels);
    begin = end;
    end = next_contrast(v.steps, begin + 1);
  }
}

}  // namespace

void color_jitter(const ColorJitterArgs& a, Cuda device) {
  launch("color_jitter", color_jitter_kernel, a.num_views, kGrayLanes, device, a);
}

}  // namespace sslrun::kernels
