#include "dist/device.h"

#include "base/cpu.h"
#include "base/error.h"

#include <fmt/format.h>

#if SSLRUN_WITH_CUDA
#include <cuda_runtime_api.h>
#include <dlfcn.h>
#endif

#include <charconv>

namespace sslrun::dist {
namespace {

#if SSLRUN_WITH_CUDA
int count_gpus(std::string& reason) {
  int count = 0;
  const cudaError_t status = cudaGetDeviceCount(&count);
  if (status == cudaSuccess) return count;
  reason = cudaGetErrorString(status);
  return 0;
}

/// LibTorch registers its GPU kernels when this library is loaded; it asks for them once, at the
/// first operation.
void load_gpu_half() {
  static void* const library = dlopen("libtorch_cuda.so", RTLD_NOW | RTLD_GLOBAL);
  if (library == nullptr) {
    throw DeviceError(fmt::format(
        "libtorch_cuda.so must load to use a GPU: {}; give --devices cpu to train without",
        dlerror()));
  }
}
#else
int count_gpus(std::string& reason) {
  reason = "this sslrun was built without CUDA";
  return 0;
}

void load_gpu_half() {}
#endif

}  // namespace

int num_gpus() {
  std::string reason;
  return count_gpus(reason);
}

at::Device open_device(std::string_view spec) {
  if (spec == "cpu") return at::kCPU;
  std::string reason = "no GPU was found";
  const int count = spec == "auto" || spec.starts_with("cuda") ? count_gpus(reason) : 0;
  if (spec == "auto" && count == 0) return at::kCPU;
  int index = 0;
  if (spec.starts_with("cuda:")) {
    const std::string_view digits = spec.substr(5);
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), index);
    if (error != std::errc() || end != digits.data() + digits.size() || index < 0) index = -1;
  } else if (spec != "auto" && spec != "cuda") {
    index = -1;
  }
  if (index < 0) {
    throw UsageError(fmt::format(
        "--devices must be auto, cpu, cuda or cuda:N (one device per run), got '{}'", spec));
  }
  if (index >= count) {
    throw DeviceError(fmt::format(
        "--devices {} needs GPU {}, and there are {}: {}; give --devices cpu to train without",
        spec,
        index,
        count,
        reason));
  }
  load_gpu_half();
  return at::Device(at::kCUDA, static_cast<at::DeviceIndex>(index));
}

std::string device_name(at::Device device) {
#if SSLRUN_WITH_CUDA
  cudaDeviceProp properties{};
  if (device.is_cuda() && cudaGetDeviceProperties(&properties, device.index()) == cudaSuccess)
    return properties.name;
#endif
  return device.is_cpu() ? cpu_name() : device.str();
}

}  // namespace sslrun::dist
