#include "ops/supervised_contrast.h"

#include "base/error.h"
#include "ops/autocast.h"
#include "ops/unit_rows.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/eye.h>

#include <limits>

namespace sslrun::ops {

at::Tensor supervised_contrast(const at::Tensor& z_ND,
                               const at::Tensor& labels_N,
                               double temperature) {
  if (z_ND.dim() != 2 || labels_N.dim() != 1 || labels_N.size(0) != z_ND.size(0) ||
      !(temperature > 0)) {
    throw UsageError(
        "supervised_contrast must have embeddings [N, D], labels [N] and temperature > 0");
  }
  const FullPrecision full(z_ND.device());
  const at::Tensor unit_ND = unit_rows(z_ND);
  const at::Tensor self_NN = at::eye(z_ND.size(0), labels_N.options().dtype(at::kBool));
  const at::Tensor same_NN =
      (labels_N.unsqueeze(1) == labels_N).masked_fill(self_NN, false).to(unit_ND.scalar_type());
  const at::Tensor s_NN = unit_ND.matmul(unit_ND.t()) / temperature;
  const at::Tensor lse_N =
      s_NN.masked_fill(self_NN, -std::numeric_limits<double>::infinity()).logsumexp({1});
  return (lse_N - (s_NN * same_NN).sum(1) / same_NN.sum(1)).mean();
}

}  // namespace sslrun::ops
