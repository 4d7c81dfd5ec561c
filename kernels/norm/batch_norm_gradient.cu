// A thread owns one run of neighbouring elements, of which it reads 16 bytes at once where runs lie
// within a row of channels or a plane.
#include "kernels/cuda/launch.cuh"
#include "kernels/norm/batch_norm_gradient.h"

namespace sslrun::kernels {
namespace {

constexpr int kThreads = 256;

template <class Stored, int kRun>
struct alignas(kRun * sizeof(Stored)) Run {
  Stored value[kRun];
};

/// inner == 1: a run has as many channels; otherwise one.
template <class Stored, int kRun>
__global__ void __launch_bounds__(kThreads)
    batch_norm_gradient_kernel(BatchNormGradientArgs<Stored> a, std::int64_t runs) {
  const std::int64_t run = static_cast<std::int64_t>(blockIdx.x) * kThreads + threadIdx.x;
  if (run >= runs) return;
  const std::int64_t first = run * kRun;
  const bool by_rows = a.inner == 1;
  const auto channel = by_rows ? first % a.channels : first / a.inner % a.channels;
  const auto dy = reinterpret_cast<const Run<Stored, kRun>*>(a.dy)[run];
  const auto x = reinterpret_cast<const Run<Stored, kRun>*>(a.x)[run];
  Run<Stored, kRun> dx;
#pragma unroll
  for (int i = 0; i < kRun; ++i) {
    const std::int64_t c = channel + (by_rows ? i : 0);
    dx.value[i] =
        batch_norm_move(dy.value[i], x.value[i], a.scale[c], a.mean[c], a.dy_mean[c], a.slope[c]);
  }
  reinterpret_cast<Run<Stored, kRun>*>(a.dx)[run] = dx;
}

template <class Stored, int kRun>
void start(const BatchNormGradientArgs<Stored>& a, Cuda device) {
  const std::int64_t runs = a.outer * a.channels * a.inner / kRun;
  launch("batch_norm_gradient",
         batch_norm_gradient_kernel<Stored, kRun>,
         (runs + kThreads - 1) / kThreads,
         kThreads,
         device,
         a,
         runs);
}

bool aligned(const void* p) {
  return reinterpret_cast<std::uintptr_t>(p) % 16 == 0;
}

}  // namespace

template <class Stored>
void batch_norm_gradient(const BatchNormGradientArgs<Stored>& a, Cuda device) {
  constexpr int kRun = 16 / sizeof(Stored);
  const bool whole = (a.inner == 1 ? a.channels : a.inner) % kRun == 0;
  if (whole && aligned(a.dy) && aligned(a.x) && aligned(a.dx))
    start<Stored, kRun>(a, device);
  else
    start<Stored, 1>(a, device);
}

template void batch_norm_gradient(const BatchNormGradientArgs<float>& args, Cuda device);
template void batch_norm_gradient(const BatchNormGradientArgs<double>& args, Cuda device);
template void batch_norm_gradient(const BatchNormGradientArgs<std::uint16_t>& args, Cuda device);

}  // namespace sslrun::kernels
