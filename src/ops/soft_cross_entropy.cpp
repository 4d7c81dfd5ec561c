#include "ops/soft_cross_entropy.h"

#include "base/error.h"
#include "ops/autocast.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/core/grad_mode.h>

#include <fmt/format.h>

namespace sslrun::ops {
namespace {

void check(const at::Tensor& logits, const at::Tensor& target, double temperature) {
  if (logits.dim() != 2 || logits.sizes() != target.sizes())
    throw UsageError("logits and targets of a soft cross entropy must both be [N, K]");
  if (!(temperature > 0)) {
    throw UsageError(
        fmt::format("temperature of a soft cross entropy must be > 0, got {}", temperature));
  }
}

/// H of every row: mass * logsumexp - dot.
at::Tensor rows(const at::Tensor& logits_NK, const at::Tensor& target_NK, double temperature) {
  check(logits_NK, target_NK, temperature);
  const FullPrecision full(logits_NK.device());
  const at::Tensor scaled_NK = at_full_precision(logits_NK) / temperature;
  const at::Tensor target = at_full_precision(target_NK.detach());
  return target.sum(1) * scaled_NK.logsumexp({1}) - (target * scaled_NK).sum(1);
}

}  // namespace

at::Tensor soft_cross_entropy(const at::Tensor& logits_NK,
                              const at::Tensor& target_NK,
                              double temperature) {
  return rows(logits_NK, target_NK, temperature).mean();
}

at::Tensor weighted_soft_cross_entropy(const at::Tensor& logits_NK,
                                       const at::Tensor& target_NK,
                                       const at::Tensor& weight_N,
                                       double temperature) {
  return (rows(logits_NK, target_NK, temperature) * weight_N.detach()).sum();
}

at::Tensor swapped_cross_entropy(const at::Tensor& student_VNK,
                                 const at::Tensor& target_QNK,
                                 double temperature) {
  const std::int64_t views = student_VNK.size(0), targets = target_QNK.size(0);
  if (student_VNK.dim() != 3 || target_QNK.dim() != 3 || views < 2 || targets < 1 ||
      targets > views) {
    throw UsageError(
        "student and targets must be [V, N, K] and [Q, N, K] with 1 <= Q <= V, V >= 2");
  }
  const at::Tensor all_NK = target_QNK.sum(0);
  at::Tensor loss;
  for (std::int64_t v = 0; v < views; ++v) {
    if (v == 0 && targets == 1) continue;  // nothing but itself to predict
    // H is linear in its target: those of all other views add up to one.
    const at::Tensor others_NK = v < targets ? all_NK - target_QNK[v] : all_NK;
    const at::Tensor term = soft_cross_entropy(student_VNK[v], others_NK, temperature);
    loss = loss.defined() ? loss + term : term;
  }
  return loss / static_cast<double>(targets * (views - 1));
}

at::Tensor centered_softmax(const at::Tensor& teacher_QNK,
                            const at::Tensor& center_K,
                            double temperature) {
  const at::NoGradGuard no_grad;
  const FullPrecision full(teacher_QNK.device());
  return ((at_full_precision(teacher_QNK) - center_K) / temperature).softmax(-1);
}

at::Tensor self_distillation(const at::Tensor& student_VNK,
                             const at::Tensor& teacher_QNK,
                             const at::Tensor& center_K,
                             double student_temperature,
                             double teacher_temperature) {
  return swapped_cross_entropy(student_VNK,
                               centered_softmax(teacher_QNK, center_K, teacher_temperature),
                               student_temperature);
}

}  // namespace sslrun::ops
