// The parts of DINO, iBOT and DINOv2 in float64, by their definitions.
#pragma once
#include "tests/methods/setting.h"

#include <ATen/ops/zeros.h>

#include <cmath>
#include <string>

namespace sslrun::test {

/// Three linears with GELU between them, unit length.
inline Tensor bottleneck(const State& state, const std::string& head, Tensor x) {
  for (const char* layer : {".mlp.0", ".mlp.2", ".mlp.4"}) {
    if (layer != std::string(".mlp.0")) x = x * 0.5 * (1 + (x / std::sqrt(2.0)).erf());
    x = x.matmul(state.at(head + layer + ".weight").t()) + state.at(head + layer + ".bias");
  }
  return unit(x);
}

/// What a weight-normed last layer makes of unit rows.
inline Tensor logits_of(const State& state, const std::string& layer, const Tensor& z) {
  const Tensor weight = unit(state.at(layer + ".weight_v")) * state.at(layer + ".weight_g");
  return z.matmul(weight.t());
}

inline Tensor head_logits(const State& state, const std::string& head, const Tensor& x) {
  return logits_of(state, head + ".last_layer", bottleneck(state, head, x));
}

/// -sum target log softmax(logits / temperature), row by row.
inline Tensor soft_entropy(const Tensor& target, const Tensor& logits, double temperature) {
  return -(target * (logits / temperature).log_softmax(-1)).sum(-1);
}

/// Makes the teacher another network than the student.
inline void disturb(methods::Method& method, const std::string& prefix) {
  for (const auto& [name, tensor] : method.named_state())
    if (name.starts_with(prefix)) tensor.detach().mul_(0.6).add_(0.1);
}

}  // namespace sslrun::test
