#include "bench/official_losses.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/cross_entropy_loss.h>
#include <ATen/ops/eye.h>
#include <ATen/ops/zeros.h>

#include <limits>

namespace sslrun::bench {

at::Tensor official_nt_xent(const at::Tensor& z_ND, double temperature) {
  const std::int64_t rows = z_ND.size(0);
  const at::Tensor unit_ND = z_ND / z_ND.norm(2, {1}, /*keepdim=*/true).clamp_min(1e-12);
  const at::Tensor s_NN =
      (unit_ND.matmul(unit_ND.t()) / temperature)
          .masked_fill(at::eye(rows, at::kBool), -std::numeric_limits<double>::infinity());
  return at::cross_entropy_loss(s_NN, at::arange(rows, at::kLong).roll({rows / 2}));
}

at::Tensor official_dino(const at::Tensor& student_SNK,
                         const at::Tensor& teacher_TNK,
                         const at::Tensor& center_K,
                         double student_temperature,
                         double teacher_temperature) {
  const at::Tensor s_SNK = student_SNK / student_temperature;
  const at::Tensor q_TNK = ((teacher_TNK - center_K) / teacher_temperature).softmax(-1).detach();
  at::Tensor total = at::zeros({}, student_SNK.options());
  double terms = 0;
  for (std::int64_t t = 0; t < q_TNK.size(0); ++t) {
    for (std::int64_t s = 0; s < s_SNK.size(0); ++s) {
      if (s == t) continue;
      total = total + (-q_TNK[t] * s_SNK[s].log_softmax(-1)).sum(-1).mean();
      ++terms;
    }
  }
  return total / terms;
}

at::Tensor official_sinkhorn(const at::Tensor& scores_BK, double eps, std::int64_t iterations) {
  const at::NoGradGuard no_grad;
  const at::Tensor q_KB = (scores_BK / eps).exp().t();
  const auto samples = static_cast<double>(q_KB.size(1)),
             prototypes = static_cast<double>(q_KB.size(0));
  q_KB.div_(q_KB.sum());
  for (std::int64_t i = 0; i < iterations; ++i) {
    q_KB.div_(q_KB.sum({1}, /*keepdim=*/true));
    q_KB.div_(prototypes);
    q_KB.div_(q_KB.sum({0}, /*keepdim=*/true));
    q_KB.div_(samples);
  }
  q_KB.mul_(samples);
  return q_KB.t();
}

}  // namespace sslrun::bench
