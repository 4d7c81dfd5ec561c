// Reduced precision for the networks of one scope.
#pragma once
#include <c10/core/Device.h>

#include <string_view>

namespace sslrun::ops {

enum class Precision { kFp32, kBf16 };

/// What a recipe's `precision` means on this machine: "fp32", "bf16", or "auto": bf16 on a GPU and
/// on a processor that has it in hardware, else fp32.
Precision choose_precision(std::string_view wish, at::Device device);

/// "fp32" or "bf16".
std::string_view name_of(Precision precision);

/// While it lives, LibTorch's operations of this thread run in bfloat16 where that is safe
/// (convolutions, products) and in float32 elsewhere; parameters stay float32. Nothing changes for
/// kFp32. The backward pass needs none.
class Autocast {
 public:
  Autocast(Precision precision, at::Device device);
  ~Autocast();
  Autocast(const Autocast&) = delete;
  Autocast& operator=(const Autocast&) = delete;

 private:
  bool on_;
  at::DeviceType type_;
};

}  // namespace sslrun::ops
