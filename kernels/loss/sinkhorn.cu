// Rows first: one block owns one sample, each of its warps every eighth tile of it; then shares: one
// thread owns one prototype in one block of samples, and one prototype over all of those.
#include "kernels/cuda/launch.cuh"
#include "kernels/loss/sinkhorn.h"
#include "kernels/loss/sinkhorn_core.h"

namespace sslrun::kernels {
namespace {

constexpr int kWarps = 8;
constexpr int kThreads = kWarps * kRowLanes;

__device__ float log_weight(const SinkhornArgs& a, std::int64_t b, std::int64_t k) {
  return sinkhorn_log_weight(a.scores[b * a.prototypes + k], a.inv_eps, a.log_scale[k]);
}

/// The sample's largest log weight, in every thread.
__device__ float largest_of(const SinkhornArgs& a, std::int64_t b) {
  __shared__ float part[kWarps];
  float max = -INFINITY;
  for (std::int64_t k = threadIdx.x; k < a.prototypes; k += kThreads)
    max = log_weight(a, b, k) > max ? log_weight(a, b, k) : max;
  for (int step = kRowLanes / 2; step > 0; step /= 2) {
    const float other = __shfl_xor_sync(0xffffffffu, max, step);
    max = other > max ? other : max;
  }
  if (threadIdx.x % kRowLanes == 0) part[threadIdx.x / kRowLanes] = max;
  __syncthreads();
  for (const float other : part) max = other > max ? other : max;
  return max;
}

/// max[b] and inv_sum[b] of every sample: one block each.
__global__ void __launch_bounds__(kThreads)
    sample_kernel(SinkhornArgs a, float* max_B, float* inv_sum_B) {
  __shared__ float part[kWarps];
  const std::int64_t b = blockIdx.x;
  const int lane = static_cast<int>(threadIdx.x) % kRowLanes,
            warp = static_cast<int>(threadIdx.x) / kRowLanes;
  const float max = a.largest ? *a.largest * a.inv_eps : largest_of(a, b);
  float total = 0.f;
  for (std::int64_t round = 0; round < a.prototypes; round += std::int64_t{kWarps} * kRowTile) {
    const std::int64_t begin = round + std::int64_t{warp} * kRowTile,
                       end = begin + kRowTile < a.prototypes ? begin + kRowTile : a.prototypes;
    float sum = 0.f;
    for (std::int64_t k = begin + lane; k < end; k += kRowLanes)
      sum += sinkhorn_part(log_weight(a, b, k), max, 1.f);
    for (int step = kRowLanes / 2; step > 0; step /= 2)
      sum += __shfl_down_sync(0xffffffffu, sum, step);
    if (lane == 0) part[warp] = sum;
    __syncthreads();
    if (threadIdx.x == 0) {
      for (const float tile : part) total += tile;
    }
    __syncthreads();
  }
  if (threadIdx.x != 0) return;
  max_B[b] = max;
  inv_sum_B[b] = a.largest ? 1.f : 1.f / total;
}

__global__ void __launch_bounds__(kThreads) block_kernel(SinkhornArgs a,
                                                         const float* max_B,
                                                         const float* inv_sum_B,
                                                         float* partial,
                                                         std::int64_t strips) {
  const std::int64_t block = blockIdx.x / strips, k = blockIdx.x % strips * kThreads + threadIdx.x;
  if (k >= a.prototypes) return;
  const std::int64_t begin = block * kSinkhornRows,
                     end = begin + kSinkhornRows < a.samples ? begin + kSinkhornRows : a.samples;
  float sum = 0.f;
  for (std::int64_t b = begin; b < end; ++b)
    sum += sinkhorn_part(log_weight(a, b, k), max_B[b], inv_sum_B[b]);
  partial[block * a.prototypes + k] = sum;
}

__global__ void __launch_bounds__(kThreads)
    total_kernel(const float* partial, std::int64_t blocks, std::int64_t prototypes, float* share) {
  const std::int64_t k = std::int64_t{blockIdx.x} * kThreads + threadIdx.x;
  if (k >= prototypes) return;
  float sum = 0.f;
  for (std::int64_t block = 0; block < blocks; ++block) sum += partial[block * prototypes + k];
  share[k] = sum;
}

__global__ void __launch_bounds__(kThreads) assign_kernel(SinkhornArgs a,
                                                          const float* max_B,
                                                          const float* inv_sum_B,
                                                          float* assigned,
                                                          std::int64_t strips) {
  const std::int64_t b = blockIdx.x / strips, k = blockIdx.x % strips * kThreads + threadIdx.x;
  if (k < a.prototypes)
    assigned[b * a.prototypes + k] = sinkhorn_part(log_weight(a, b, k), max_B[b], inv_sum_B[b]);
}

std::int64_t blocks_for(std::int64_t n, std::int64_t per_block) {
  return (n + per_block - 1) / per_block;
}

}  // namespace

void sinkhorn_share(const SinkhornArgs& a, float* share, float* scratch, Cuda device) {
  const std::int64_t blocks = blocks_for(a.samples, kSinkhornRows),
                     strips = blocks_for(a.prototypes, kThreads);
  float *const max_B = scratch + blocks * a.prototypes, *const inv_sum_B = max_B + a.samples;
  launch("sinkhorn_sample", sample_kernel, a.samples, kThreads, device, a, max_B, inv_sum_B);
  launch("sinkhorn_block",
         block_kernel,
         blocks * strips,
         kThreads,
         device,
         a,
         max_B,
         inv_sum_B,
         scratch,
         strips);
  launch("sinkhorn_total",
         total_kernel,
         strips,
         kThreads,
         device,
         scratch,
         blocks,
         a.prototypes,
         share);
}

void sinkhorn_assign(const SinkhornArgs& a, float* assigned, float* scratch, Cuda device) {
  const std::int64_t strips = blocks_for(a.prototypes, kThreads);
  float *const max_B = scratch, *const inv_sum_B = scratch + a.samples;
  launch("sinkhorn_sample", sample_kernel, a.samples, kThreads, device, a, max_B, inv_sum_B);
  launch("sinkhorn_assign",
         assign_kernel,
         a.samples * strips,
         kThreads,
         device,
         a,
         max_B,
         inv_sum_B,
         assigned,
         strips);
}

}  // namespace sslrun::kernels
