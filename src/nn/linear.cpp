#include "nn/linear.h"

#include <ATen/ops/linear.h>

#include <cmath>
#include <utility>

namespace sslrun::nn {

Linear::Linear(std::int64_t inputs, std::int64_t outputs, bool bias, Init& init) {
  const double bound = 1.0 / std::sqrt(static_cast<double>(inputs));
  weight_OI_ = register_parameter("weight", init.uniform({outputs, inputs}, bound));
  if (bias) bias_O_ = register_parameter("bias", init.uniform({outputs}, bound));
}

Linear::Linear(at::Tensor weight_OI, at::Tensor bias_O)
    : weight_OI_(register_parameter("weight", std::move(weight_OI))) {
  if (bias_O.defined()) bias_O_ = register_parameter("bias", std::move(bias_O));
}

at::Tensor Linear::forward(const at::Tensor& x_NI) const {
  return bias_O_.defined() ? at::linear(x_NI, weight_OI_, bias_O_) : at::linear(x_NI, weight_OI_);
}

}  // namespace sslrun::nn
