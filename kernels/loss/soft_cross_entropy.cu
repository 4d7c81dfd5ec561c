// One block owns one row; each of its warps takes every eighth tile of it, lane l the columns that
// lane l has on the CPU. The backward pass writes each logit's gradient by itself: one block per tile
// of a row.
#include "kernels/cuda/launch.cuh"
#include "kernels/loss/soft_cross_entropy.h"
#include "kernels/loss/soft_cross_entropy_core.h"

namespace sslrun::kernels {
namespace {

constexpr int kWarps = 8;
constexpr int kThreads = kWarps * kRowLanes;

__device__ float logit_at(LogitRows rows, std::int64_t i) {
  if (rows.bf16) return from_bf16(static_cast<const std::uint16_t*>(rows.data)[i]);
  return static_cast<const float*>(rows.data)[i];
}

/// The sum of the targets of column k of a student's row.
__device__ float target_at(const SoftCrossEntropyArgs& a,
                           std::int64_t image,
                           std::int64_t student,
                           std::int64_t k) {
  float sum = 0.f;
  for (std::int64_t t = 0; t < a.teachers; ++t) {
    if (!soft_is_pair(t, student, a.other_views)) continue;
    const std::int64_t row = t * a.images + image;
    const float x = logit_at(a.teacher, row * a.cols + k);
    if (!a.center) {
      sum += x;
      continue;
    }
    sum += soft_target(x, a.center[k], a.teacher_inv_temp, a.teacher_lse[row]);
  }
  return sum;
}

/// A row's sums, valid in thread 0. logit(k) and target(k) give column k.
template <class Logit, class Target>
__device__ SoftRow row_of(std::int64_t cols, float inv_temp, Logit logit, Target target) {
  __shared__ SoftRow part[kWarps];
  const int lane = static_cast<int>(threadIdx.x) % kRowLanes,
            warp = static_cast<int>(threadIdx.x) / kRowLanes;
  SoftRow row;
  for (std::int64_t round = 0; round < cols; round += std::int64_t{kWarps} * kRowTile) {
    const std::int64_t begin = round + std::int64_t{warp} * kRowTile,
                       end = begin + kRowTile < cols ? begin + kRowTile : cols;
    float max = -INFINITY;
    for (std::int64_t k = begin + lane; k < end; k += kRowLanes)
      max = logit(k) > max ? logit(k) : max;
    for (int step = kRowLanes / 2; step > 0; step /= 2) {
      const float other = __shfl_xor_sync(0xffffffffu, max, step);
      max = other > max ? other : max;
    }
    max *= inv_temp;
    const float base = max == -INFINITY ? 0.f : max;
    float sum = 0.f, mass = 0.f, dot = 0.f;
    for (std::int64_t k = begin + lane; k < end; k += kRowLanes) {
      const float x = logit(k), p = target(k);
      sum += exp_nonpositive(x * inv_temp - base);
      mass += p;
      dot += p * x;
    }
    for (int step = kRowLanes / 2; step > 0; step /= 2) {
      sum += __shfl_down_sync(0xffffffffu, sum, step);
      mass += __shfl_down_sync(0xffffffffu, mass, step);
      dot += __shfl_down_sync(0xffffffffu, dot, step);
    }
    if (lane == 0) part[warp] = {{max, sum}, mass, dot};
    __syncthreads();
    if (threadIdx.x == 0) {
      for (const SoftRow& tile : part) row.merge(tile);
    }
    __syncthreads();
  }
  return row;
}

__global__ void __launch_bounds__(kThreads) teacher_kernel(SoftCrossEntropyArgs a) {
  const std::int64_t begin = static_cast<std::int64_t>(blockIdx.x) * a.cols;
  const SoftRow row = row_of(
      a.cols,
      a.teacher_inv_temp,
      [&](std::int64_t k) { return logit_at(a.teacher, begin + k) - a.center[k]; },
      [](std::int64_t) { return 0.f; });
  if (threadIdx.x == 0) a.teacher_lse[blockIdx.x] = row.lse.value();
}

__global__ void __launch_bounds__(kThreads) forward_kernel(SoftCrossEntropyArgs a) {
  const std::int64_t begin = static_cast<std::int64_t>(blockIdx.x) * a.cols;
  const std::int64_t image = blockIdx.x % a.images, student = blockIdx.x / a.images;
  const SoftRow row = row_of(
      a.cols,
      a.student_inv_temp,
      [&](std::int64_t k) { return logit_at(a.student, begin + k); },
      [&](std::int64_t k) { return target_at(a, image, student, k); });
  if (threadIdx.x != 0) return;
  a.student_lse[blockIdx.x] = row.lse.value();
  const float mass =
      a.center ? static_cast<float>(soft_pairs(a.teachers, student, a.other_views)) : row.mass;
  a.mass[blockIdx.x] = mass;
  a.loss[blockIdx.x] = row.loss(a.student_inv_temp, mass);
}

__global__ void __launch_bounds__(kThreads)
    backward_kernel(SoftCrossEntropyArgs a, const float* upstream, void* gradient, int tiles) {
  const std::int64_t row = blockIdx.x / tiles, begin = std::int64_t{blockIdx.x % tiles} * kRowTile;
  const std::int64_t image = row % a.images, student = row / a.images;
  const float lse = a.student_lse[row], mass = a.mass[row],
              scale = upstream[row] * a.student_inv_temp;
  for (std::int64_t k = begin + threadIdx.x; k < begin + kRowTile && k < a.cols; k += kThreads) {
    const std::int64_t i = row * a.cols + k;
    const float g = soft_gradient(logit_at(a.student, i),
                                  a.student_inv_temp,
                                  lse,
                                  mass,
                                  target_at(a, image, student, k),
                                  scale);
    if (a.student.bf16)
      static_cast<std::uint16_t*>(gradient)[i] = to_bf16(g);
    else
      static_cast<float*>(gradient)[i] = g;
  }
}

}  // namespace

void soft_cross_entropy_forward(const SoftCrossEntropyArgs& a, Cuda device) {
  if (a.center)
    launch(
        "soft_cross_entropy_teacher", teacher_kernel, a.teachers * a.images, kThreads, device, a);
  launch("soft_cross_entropy_forward", forward_kernel, a.students * a.images, kThreads, device, a);
}

void soft_cross_entropy_backward(const SoftCrossEntropyArgs& a,
                                 const float* upstream,
                                 void* gradient,
                                 Cuda device) {
  const int tiles = static_cast<int>((a.cols + kRowTile - 1) / kRowTile);
  launch("soft_cross_entropy_backward",
         backward_kernel,
         a.students * a.images * tiles,
         kThreads,
         device,
         a,
         upstream,
         gradient,
         tiles);
}

}  // namespace sslrun::kernels
