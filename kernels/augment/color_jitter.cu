// One block per view; thread j owns pixels j, j + kGrayLanes, ... in every sweep, so it sees only
// what it wrote itself.
#include "kernels/augment/color_jitter.h"
#include "kernels/augment/gray_lanes.cuh"
#include "kernels/augment/normalize_core.h"
#include "kernels/augment/unit_core.h"
#include "kernels/cuda/launch.cuh"

namespace sslrun::kernels {
namespace {

__device__ float as_it_is(float x) {
  return x;
}

template <class Sample, class ToUnit>
__device__ Rgb load(const Sample* red, std::int64_t plane, ToUnit to_unit) {
  return {to_unit(red[0]), to_unit(red[plane]), to_unit(red[2 * plane])};
}

__global__ void __launch_bounds__(kGrayLanes) color_jitter_kernel(ColorJitterArgs a) {
  const ColorJitterView v = a.views[blockIdx.x];
  const float inv_std[3] = {inverse_std(a.std[0]), inverse_std(a.std[1]), inverse_std(a.std[2])};
  float mean = 0.f;
  int begin = 0, end = next_contrast(v.steps, 0);
  for (;;) {
    float mine = 0.f;
    const bool last = end == kMaxToneSteps;
    for (std::int64_t i = threadIdx.x; i < a.num_pixels; i += kGrayLanes) {
      Rgb p = begin == 0 && v.bytes != nullptr ? load(v.bytes + i, a.num_pixels, byte_to_unit)
                                               : load(v.pixels + i, a.num_pixels, as_it_is);
      for (int s = begin; s < end; ++s) p = tone(p, v.steps[s], mean);
      if (!last) mine += gray(p);
      if (last && v.out != nullptr) {
        float* out = v.out + 3 * i;
        out[0] = normalized(p.r, a.mean[0], inv_std[0]);
        out[1] = normalized(p.g, a.mean[1], inv_std[1]);
        out[2] = normalized(p.b, a.mean[2], inv_std[2]);
      } else {
        float *r = v.pixels + i, *g = r + a.num_pixels, *b = g + a.num_pixels;
        *r = p.r, *g = p.g, *b = p.b;
      }
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
