// Where a tensor's kernel runs.
#pragma once
#include "base/error.h"
#include "kernels/device.h"

#include <ATen/core/Tensor.h>

#if SSLRUN_WITH_CUDA
#include <c10/cuda/CUDAGuard.h>
#include <c10/cuda/CUDAStream.h>
#endif

#include <utility>

namespace sslrun::ops {

/// Calls f(kernels::Cpu) or f(kernels::Cuda{stream}) for the device that `t` lies on, with that
/// device current; both calls must give the same type.
/// errors    DeviceError for a device that this build has no kernels for.
template <class F>
auto on_device(const at::Tensor& t, F&& f) {
  if (t.is_cpu()) return std::forward<F>(f)(kernels::Cpu{});
#if SSLRUN_WITH_CUDA
  if (t.is_cuda()) {
    const c10::cuda::CUDAGuard guard(t.device());
    return std::forward<F>(f)(kernels::Cuda{c10::cuda::getCurrentCUDAStream().stream()});
  }
#endif
  throw DeviceError("tensors must lie on a device that this build has kernels for, got '" +
                    t.device().str() + "'");
}

}  // namespace sslrun::ops
