#pragma once
#include "kernels/augment/color_jitter_core.h"

namespace sslrun::kernels {

/// The sum of what the kGrayLanes threads of a block have, in every thread: the tree of the Cpu.
static __device__ float merge_lanes(float mine) {
  __shared__ float lanes[kGrayLanes];
  __syncthreads();  // the sum before has been read
  lanes[threadIdx.x] = mine;
  for (int step = kGrayLanes / 2; step > 0; step /= 2) {
    __syncthreads();
    if (threadIdx.x < step) lanes[threadIdx.x] += lanes[threadIdx.x + step];
  }
  __syncthreads();
  return lanes[0];
}

}  // namespace sslrun::kernels
