// The only place that may launch a kernel: names it, skips an empty grid, refuses an oversized one,
// checks the result.
#pragma once
#include "base/error.h"
#include "kernels/device.h"

#include <cuda_runtime.h>

#include <cstddef>
#include <cstdint>
#include <string>

namespace sslrun::kernels {

/// Runs kernel(args...) on `blocks` blocks of `threads` threads in the device's stream. Throws
/// DeviceError with the name.
template <class... P, class... A>
void launch(const char* name,
            void (*kernel)(P...),
            std::int64_t blocks,
            int threads,
            Cuda device,
            const A&... args) {
  if (blocks == 0) return;
  if (blocks > 0x7fffffff)
    throw DeviceError(std::string(name) + ": a grid holds at most 2^31 - 1 blocks, got " +
                      std::to_string(blocks));
  kernel<<<static_cast<unsigned>(blocks), threads, 0, device.stream>>>(args...);
  if (const cudaError_t e = cudaPeekAtLastError(); e != cudaSuccess)
    throw DeviceError(std::string(name) + ": " + cudaGetErrorName(e) + ": " +
                      cudaGetErrorString(e));
}

/// Merges one T per thread in a fixed halving tree, so the result is bit-equal from run to run.
/// Valid in thread 0. The block has kThreads threads, a power of two.
template <int kThreads, class T>
__device__ T block_merge(T mine) {
  __shared__ alignas(T) unsigned char raw[kThreads * sizeof(T)];
  T* part = reinterpret_cast<T*>(raw);
  part[threadIdx.x] = mine;
  for (int step = kThreads / 2; step > 0; step /= 2) {
    __syncthreads();
    if (threadIdx.x < step) part[threadIdx.x].merge(part[threadIdx.x + step]);
  }
  return part[0];
}

}  // namespace sslrun::kernels
