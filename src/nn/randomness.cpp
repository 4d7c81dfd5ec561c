#include "nn/randomness.h"

#include "base/error.h"
#include "base/philox.h"

#include <ATen/ops/empty.h>

namespace sslrun::nn {
namespace {

thread_local Randomness* innermost = nullptr;

}  // namespace

Randomness::Randomness(std::uint32_t seed,
                       std::int64_t epoch,
                       std::span<const std::int64_t> samples)
    : seed_(seed), epoch_(static_cast<std::uint32_t>(epoch)), samples_(samples), outer_(innermost) {
  innermost = this;
}

Randomness::~Randomness() {
  innermost = outer_;
}

Randomness& Randomness::current() {
  check_invariant(innermost != nullptr, "a network that draws is trained inside a Randomness");
  return *innermost;
}

at::Tensor Randomness::keep_scale(std::int64_t rows, double p) {
  check_invariant(!samples_.empty(), "a network that draws knows its images' numbers");
  const at::Tensor scale = at::empty({rows}, at::kFloat);
  float* const values = scale.mutable_data_ptr<float>();
  const auto images = static_cast<std::int64_t>(samples_.size());
  for (std::int64_t i = 0; i < images; ++i) {
    const auto sample = static_cast<std::uint32_t>(samples_[static_cast<std::size_t>(i)]);
    Rng rng(seed_, Purpose::kDropout, epoch_, sample, ordinal_);
    for (std::int64_t row = i; row < rows; row += images)
      values[row] = rng.uniform() < p ? 0.f : static_cast<float>(1 / (1 - p));
  }
  ++ordinal_;
  return scale;
}

}  // namespace sslrun::nn
