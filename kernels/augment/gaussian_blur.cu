// Two kernels, rows then columns: one block makes kPixels elements of one plane of one view, one
// thread one element.
#include "base/error.h"
#include "kernels/augment/gaussian_blur.h"
#include "kernels/augment/gaussian_blur_core.h"
#include "kernels/cuda/launch.cuh"

namespace sslrun::kernels {
namespace {

constexpr int kPixels = 256;

// line: the first element of the line, whose n elements are stride apart.
__device__ float blur_at(const float* line,
                         std::int64_t at,
                         std::int64_t n,
                         std::int64_t stride,
                         const BlurWeights& w) {
  float sum = blur_centre(w.weight[0], line[at * stride]);
  for (std::int64_t k = 1; k <= w.reach; ++k)
    sum = add_blur_pair(
        sum, w.weight[k], line[reflect(at - k, n) * stride], line[reflect(at + k, n) * stride]);
  return sum;
}

__global__ void __launch_bounds__(kPixels)
    gaussian_blur_kernel(GaussianBlurArgs a, std::int64_t plane_blocks, bool rows) {
  __shared__ BlurWeights w;
  const std::int64_t plane = blockIdx.x / plane_blocks;
  const GaussianBlurView v = a.views[plane / a.channels];
  if (!(v.sigma > 0.f)) return;
  if (threadIdx.x == 0) w = blur_weights(a.radius, v.sigma);
  __syncthreads();
  const std::int64_t size = a.height * a.width;
  const std::int64_t i = (blockIdx.x % plane_blocks) * kPixels + threadIdx.x;
  if (i >= size) return;
  const std::int64_t y = i / a.width, x = i % a.width;
  float* pixels = v.pixels + (plane % a.channels) * size;
  float* between = a.scratch + plane * size;
  if (rows) {
    between[i] = blur_at(pixels + y * a.width, x, a.width, 1, w);
  } else {
    pixels[i] = blur_at(between + x, y, a.height, a.width, w);
  }
}

}  // namespace

std::int64_t gaussian_blur_scratch(std::int64_t height,
                                   std::int64_t width,
                                   std::int64_t num_views,
                                   Cuda,
                                   std::int64_t channels) {
  return num_views * channels * height * width;
}

void gaussian_blur(const GaussianBlurArgs& a, Cuda device) {
  check_invariant(a.radius >= 0 && a.radius <= kMaxBlurRadius,
                  "gaussian_blur: the radius must lie in 0..64");
  const std::int64_t plane_blocks = (a.height * a.width + kPixels - 1) / kPixels;
  const std::int64_t blocks = a.num_views * a.channels * plane_blocks;
  for (const bool rows : {true, false})
    launch("gaussian_blur", gaussian_blur_kernel, blocks, kPixels, device, a, plane_blocks, rows);
}

}  // namespace sslrun::kernels
