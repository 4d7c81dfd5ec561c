// N rows, I inputs, O outputs.
#pragma once
#include "nn/init.h"
#include "nn/module.h"

#include <cstdint>

namespace sslrun::nn {

/// y = x W^T + b, as torch.nn.Linear: weight [O, I], bias [O]; both start uniform in +-1 / sqrt(I).
class Linear final : public Module {
 public:
  Linear(std::int64_t inputs, std::int64_t outputs, bool bias, Init& init);
  /// Starts with these weights [O, I] and, where defined, this bias [O].
  Linear(at::Tensor weight_OI, at::Tensor bias_O);

  /// x_NI [.., I] -> [.., O].
  at::Tensor forward(const at::Tensor& x_NI) const;

 private:
  at::Tensor weight_OI_, bias_O_;
};

}  // namespace sslrun::nn
