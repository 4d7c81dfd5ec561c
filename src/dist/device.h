// Where tensors of this process live.
#pragma once
#include <c10/core/Device.h>

#include <string>
#include <string_view>

namespace sslrun::dist {

/// The device that `--devices` names: "auto" (a GPU where there is one, else the CPU), "cpu",
/// "cuda", "cuda:1". Must come before the first tensor operation: a GPU's half of LibTorch is
/// loaded here, and only when it is wanted.
/// errors    UsageError for another text; DeviceError where the GPU, its driver or its libraries
///           are not there.
at::Device open_device(std::string_view spec);

/// GPUs that this process can use; 0 in a build without CUDA.
int num_gpus();

/// The device in words for people: the processor's or the GPU's name.
std::string device_name(at::Device device);

}  // namespace sslrun::dist
