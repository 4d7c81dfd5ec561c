// Reduced precision for the networks of one scope.
#pragma once
#include <ATen/core/Tensor.h>

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

/// While it lives, LibTorch's operations of this thread run in the precision of their inputs: what a
/// loss is computed under.
class FullPrecision {
 public:
  explicit FullPrecision(at::Device device);
  ~FullPrecision();
  FullPrecision(const FullPrecision&) = delete;
  FullPrecision& operator=(const FullPrecision&) = delete;

 private:
  at::DeviceType type_;
  bool was_on_;
};

/// float32 of a reduced precision; float32 and float64 as they are.
at::Tensor at_full_precision(const at::Tensor& x);

}  // namespace sslrun::ops
