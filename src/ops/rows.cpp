#include "ops/rows.h"

#include <ATen/core/Tensor.h>
#include <ATen/ops/cat.h>

namespace sslrun::ops {

at::Tensor cat_rows(std::span<const at::Tensor> parts) {
  return at::cat(at::ArrayRef<at::Tensor>(parts.data(), parts.size()), 0);
}

}  // namespace sslrun::ops
