#include "ops/embedding_std.h"

#include "ops/unit_rows.h"

#include <ATen/core/Tensor.h>

namespace sslrun::ops {

at::Tensor embedding_std(const at::Tensor& z_ND) {
  return unit_rows(z_ND.detach()).std(0, /*unbiased=*/false).mean();
}

}  // namespace sslrun::ops
