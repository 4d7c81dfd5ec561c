#include "ops/info_nce.h"

#include "base/error.h"
#include "ops/autocast.h"
#include "ops/unit_rows.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/cat.h>

#include <fmt/format.h>

namespace sslrun::ops {
namespace {

void check(const at::Tensor& q_ND, const at::Tensor& k_MD, double temperature) {
  if (q_ND.dim() != 2 || k_MD.dim() != 2 || q_ND.size(0) == 0 || q_ND.size(1) != k_MD.size(1))
    throw UsageError("queries and keys of info_nce must be [N, D] and [M, D] with N > 0");
  if (!(temperature > 0))
    throw UsageError(fmt::format("temperature of info_nce must be > 0, got {}", temperature));
}

}  // namespace

at::Tensor info_nce_queue(const at::Tensor& q_ND,
                          const at::Tensor& positive_ND,
                          const at::Tensor& queue_MD,
                          double temperature) {
  check(q_ND, queue_MD, temperature);
  if (positive_ND.sizes() != q_ND.sizes())
    throw UsageError("info_nce_queue must have one positive for each query");
  const FullPrecision full(q_ND.device());
  const at::Tensor unit_ND = unit_rows(q_ND);
  const at::Tensor positive_N1 = (unit_ND * unit_rows(positive_ND)).sum(1, /*keepdim=*/true);
  const at::Tensor negatives_NM = unit_ND.matmul(unit_rows(queue_MD.detach()).t());
  const at::Tensor logits = at::cat({positive_N1, negatives_NM}, 1) / temperature;
  return (logits.logsumexp({1}) - logits.select(1, 0)).mean();
}

at::Tensor info_nce_batch(const at::Tensor& q_ND,
                          const at::Tensor& k_MD,
                          std::int64_t first_positive,
                          double temperature) {
  check(q_ND, k_MD, temperature);
  const std::int64_t rows = q_ND.size(0);
  if (first_positive < 0 || first_positive + rows > k_MD.size(0))
    throw UsageError("info_nce_batch must have a positive among the keys for each query");
  const FullPrecision full(q_ND.device());
  const at::Tensor logits_NM = unit_rows(q_ND).matmul(unit_rows(k_MD).t()) / temperature;
  const at::Tensor positive_N = logits_NM.narrow(1, first_positive, rows).diagonal();
  return (logits_NM.logsumexp({1}) - positive_N).mean();
}

}  // namespace sslrun::ops
