// What training computes, in float64: there, what is equal by the mathematics is equal to many digits.
#pragma once
#include "tests/contract/setting.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>

#include <cmath>
#include <map>
#include <string>
#include <vector>

namespace sslrun::test {

inline void to_double(methods::Method& method) {
  const at::NoGradGuard no_grad;
  for (const auto& [name, tensor] : method.named_state())
    if (tensor.is_floating_point()) tensor.set_data(tensor.to(at::kDouble));
}

inline Batch as_double(Batch batch) {
  for (at::Tensor& view : batch.views) view = view.to(at::kDouble);
  return batch;
}

struct Trace {
  std::vector<double> losses;
  std::map<std::string, at::Tensor> gradients;  // of the last step

  void keep_gradients(const methods::Method& method) {
    for (const auto& [name, tensor] : method.named_parameters())
      gradients[name] = tensor.grad().clone();
  }
};

/// |a - b| / |b| over all gradients.
inline double distance(const Trace& a, const Trace& b) {
  double difference = 0, scale = 0;
  for (const auto& [name, gradient] : b.gradients) {
    difference += (a.gradients.at(name) - gradient).square().sum().item<double>();
    scale += gradient.square().sum().item<double>();
  }
  return std::sqrt(difference / scale);
}

}  // namespace sslrun::test
