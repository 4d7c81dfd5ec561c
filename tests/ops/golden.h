// The matrix that the values of tests/golden/losses.py are computed on.
#pragma once
#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>

#include <cmath>
#include <cstdint>
#include <functional>

namespace sslrun::test {

/// wave(n, d, s)[i][j] = sin(s + 0.7 i + 1.3 j + 0.11 i j), float64.
inline at::Tensor wave(std::int64_t n, std::int64_t d, double s) {
  const at::Tensor out = at::empty({n, d}, at::kDouble);
  for (std::int64_t i = 0; i < n; ++i) {
    for (std::int64_t j = 0; j < d; ++j) {
      const double x = static_cast<double>(i), y = static_cast<double>(j);
      out.mutable_data_ptr<double>()[i * d + j] = std::sin(s + 0.7 * x + 1.3 * y + 0.11 * x * y);
    }
  }
  return out;
}

/// A trainable copy.
inline at::Tensor leaf(const at::Tensor& values, at::ScalarType type = at::kDouble) {
  return values.detach().to(type, false, /*copy=*/true).requires_grad_(true);
}

/// The largest difference between x's gradient of f and its central finite difference, in float64.
inline double gradient_error(const at::Tensor& values,
                             const std::function<at::Tensor(const at::Tensor&)>& f) {
  const at::Tensor x = leaf(values);
  f(x).backward();
  double worst = 0;
  for (std::int64_t i = 0; i < x.numel(); ++i) {
    const auto moved = [&](double h) {
      const at::Tensor y = x.detach().clone();
      y.mutable_data_ptr<double>()[i] += h;
      return f(y).item<double>();
    };
    const double expected = (moved(1e-5) - moved(-1e-5)) / 2e-5;
    worst = std::max(worst, std::abs(x.grad().contiguous().data_ptr<double>()[i] - expected));
  }
  return worst;
}

}  // namespace sslrun::test
