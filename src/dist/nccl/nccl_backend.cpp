#include "dist/nccl/nccl_backend.h"

#include <torch/csrc/distributed/c10d/ProcessGroupNCCL.hpp>

#include <chrono>

extern "C" __attribute__((visibility("default"))) c10d::Backend* sslrun_nccl_backend(
    const c10::intrusive_ptr<c10d::Store>& store,
    int rank,
    int size,
    int device,
    std::int64_t timeout_ms) {
  auto options = c10d::ProcessGroupNCCL::Options::create(/*is_high_priority_stream=*/false);
  options->timeout = std::chrono::milliseconds(timeout_ms);
  auto backend = c10::make_intrusive<c10d::ProcessGroupNCCL>(store, rank, size, std::move(options));
  const at::Device gpu(at::kCUDA, static_cast<at::DeviceIndex>(device));
  backend->setBoundDeviceId(gpu);
  backend->eagerConnectSingleDevice(gpu);  // else the first collective makes the communicator
  return backend.release();
}
