// The features of tests/golden/eval.py, by the same formula.
#pragma once
#include "eval/features.h"

#include <ATen/ops/empty.h>

#include <cmath>

namespace sslrun::eval {

constexpr std::int64_t kClasses = 8, kDim = 12;

inline Features fixed_features(std::int64_t rows, double phase) {
  Features out{.x_NF = at::empty({rows, kDim}, at::kFloat), .labels = {}};
  float* const x = out.x_NF.mutable_data_ptr<float>();
  for (std::int64_t i = 0; i < rows; ++i) {
    const auto row = static_cast<double>(i);
    out.labels.push_back((i * 7 + 3) % kClasses);
    for (std::int64_t d = 0; d < kDim; ++d) {
      const auto dim = static_cast<double>(d);
      const double centre = std::cos(1.9 * static_cast<double>(out.labels.back()) + 0.8 * dim);
      const double noise = std::sin(phase + 12.9898 * row + 78.233 * dim + 0.37 * row * dim) +
                           std::sin(0.5 * phase + 3.11 * row * row + 1.7 * dim);
      x[i * kDim + d] = static_cast<float>(centre + 1.1 * noise);
    }
  }
  return out;
}

}  // namespace sslrun::eval
