#include "ops/rows.h"

#include <ATen/core/Tensor.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/tensor.h>

#include <algorithm>

namespace sslrun::ops {

at::Tensor cat_rows(std::span<const at::Tensor> parts) {
  return at::cat(at::ArrayRef<at::Tensor>(parts.data(), parts.size()), 0);
}

at::Tensor first_rows(const at::Tensor& x, std::int64_t most) {
  return x.narrow(0, 0, std::min(x.size(0), most));
}

at::Tensor indices(std::span<const std::int64_t> values, at::Device device) {
  return at::tensor(at::ArrayRef<std::int64_t>(values.data(), values.size()), at::kLong).to(device);
}

}  // namespace sslrun::ops
