#include "ops/autocast.h"

#include "base/cpu.h"

#include <ATen/autocast_mode.h>

namespace sslrun::ops {

Precision choose_precision(std::string_view wish, at::Device device) {
  if (wish == "auto")
    return device.is_cuda() || cpu_has_bf16() ? Precision::kBf16 : Precision::kFp32;
  return wish == "bf16" ? Precision::kBf16 : Precision::kFp32;
}

std::string_view name_of(Precision precision) {
  return precision == Precision::kBf16 ? "bf16" : "fp32";
}

Autocast::Autocast(Precision precision, at::Device device)
    : on_(precision == Precision::kBf16), type_(device.type()) {
  if (!on_) return;
  at::autocast::set_autocast_enabled(type_, true);
  at::autocast::set_autocast_dtype(type_, at::kBFloat16);
  at::autocast::increment_nesting();
}

Autocast::~Autocast() {
  if (!on_) return;
  if (at::autocast::decrement_nesting() == 0) at::autocast::clear_cache();
  at::autocast::set_autocast_enabled(type_, false);
}

FullPrecision::FullPrecision(at::Device device)
    : type_(device.type()), was_on_(at::autocast::is_autocast_enabled(type_)) {
  at::autocast::set_autocast_enabled(type_, false);
}

FullPrecision::~FullPrecision() {
  at::autocast::set_autocast_enabled(type_, was_on_);
}

at::Tensor at_full_precision(const at::Tensor& x) {
  return x.scalar_type() == at::kDouble ? x : x.to(at::kFloat);
}

}  // namespace sslrun::ops
