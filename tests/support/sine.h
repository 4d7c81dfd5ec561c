// The numbers that golden values of networks are computed on.
#pragma once
#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>

#include <cmath>
#include <cstdint>

namespace sslrun::test {

/// float64: element k is sin(12.9898 k + ordinal), as the scripts of tests/golden repeat it.
inline at::Tensor sine(at::IntArrayRef shape, double ordinal) {
  const at::Tensor t = at::empty(shape, at::kDouble);
  for (std::int64_t k = 0; k < t.numel(); ++k)
    t.mutable_data_ptr<double>()[k] = std::sin(12.9898 * static_cast<double>(k) + ordinal);
  return t;
}

}  // namespace sslrun::test
