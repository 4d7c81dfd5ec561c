#include "ops/classification.h"

#include "base/error.h"
#include "ops/autocast.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>

namespace sslrun::ops {

at::Tensor cross_entropy(const at::Tensor& logits_NK, const at::Tensor& classes_N) {
  if (logits_NK.dim() != 2 || classes_N.dim() != 1 || logits_NK.size(0) != classes_N.size(0))
    throw UsageError("cross_entropy must have logits [N, K] and classes [N]");
  const at::Tensor wide_NK = at_full_precision(logits_NK);
  const at::Tensor chosen_N = wide_NK.gather(1, classes_N.unsqueeze(1)).squeeze(1);
  return (wide_NK.logsumexp({1}) - chosen_N).mean();
}

at::Tensor top1(const at::Tensor& logits_NK, const at::Tensor& classes_N) {
  return logits_NK.detach().argmax(1).eq(classes_N).to(at::kFloat).mean();
}

}  // namespace sslrun::ops
