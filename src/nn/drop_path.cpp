#include "nn/drop_path.h"

#include "nn/randomness.h"

#include <ATen/TensorOperators.h>

#include <vector>

namespace sslrun::nn {

at::Tensor DropPath::forward(const at::Tensor& x_NTD) const {
  if (p_ == 0 || !training()) return x_NTD;
  std::vector<std::int64_t> shape(static_cast<std::size_t>(x_NTD.dim()), 1);
  shape[0] = x_NTD.size(0);
  const at::Tensor scale = Randomness::current().keep_scale(shape[0], p_);
  return x_NTD * scale.view(shape).to(x_NTD.options());
}

}  // namespace sslrun::nn
