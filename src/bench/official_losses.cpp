#include "bench/official_losses.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/cross_entropy_loss.h>
#include <ATen/ops/eye.h>
#include <ATen/ops/mse_loss.h>
#include <ATen/ops/zeros.h>

#include <limits>

namespace sslrun::bench {
namespace {

at::Tensor off_diagonal(const at::Tensor& x_DD) {
  const std::int64_t n = x_DD.size(0);
  return x_DD.flatten().slice(0, 0, -1).view({n - 1, n + 1}).slice(1, 1).flatten();
}

at::Tensor unit(const at::Tensor& x_ND) {
  return x_ND / x_ND.norm(2, {1}, /*keepdim=*/true).clamp_min(1e-12);
}

}  // namespace

at::Tensor official_nt_xent(const at::Tensor& z_ND, double temperature) {
  const std::int64_t rows = z_ND.size(0);
  const at::Tensor unit_ND = unit(z_ND);
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

at::Tensor official_dinov2_patches(const at::Tensor& student_NK,
                                   const at::Tensor& teacher_NK,
                                   double student_temperature,
                                   double teacher_temperature,
                                   std::int64_t iterations) {
  const at::Tensor target_NK = official_sinkhorn(teacher_NK, teacher_temperature, iterations);
  return -(target_NK * (student_NK / student_temperature).log_softmax(-1)).sum(-1).mean();
}

at::Tensor official_barlow_twins(const at::Tensor& z1_ND, const at::Tensor& z2_ND, double lambda) {
  const at::Tensor c_DD = z1_ND.t().matmul(z2_ND) / static_cast<double>(z1_ND.size(0));
  const at::Tensor on_diagonal = (c_DD.diagonal() - 1).square().sum();
  return on_diagonal + off_diagonal(c_DD).square().sum() * lambda;
}

at::Tensor official_vicreg(const at::Tensor& x_ND, const at::Tensor& y_ND) {
  at::Tensor loss = at::mse_loss(x_ND, y_ND) * 25;
  for (const at::Tensor& branch_ND : {x_ND, y_ND}) {
    const at::Tensor z_ND = branch_ND - branch_ND.mean(0);
    const at::Tensor std_D = (z_ND.var(0) + 1e-4).sqrt();
    const at::Tensor covariance_DD = z_ND.t().matmul(z_ND) / static_cast<double>(z_ND.size(0) - 1);
    loss = loss + (1 - std_D).relu().mean() * (25.0 / 2) +
           off_diagonal(covariance_DD).square().sum() / static_cast<double>(z_ND.size(1));
  }
  return loss;
}

at::Tensor official_moco(const at::Tensor& q_ND,
                         const at::Tensor& k_ND,
                         const at::Tensor& queue_MD,
                         double temperature) {
  const at::Tensor unit_ND = unit(q_ND);
  const at::Tensor positive_N1 = (unit_ND * unit(k_ND).detach()).sum(1, /*keepdim=*/true);
  const at::Tensor logits = at::cat({positive_N1, unit_ND.matmul(queue_MD.t())}, 1) / temperature;
  return at::cross_entropy_loss(logits, at::zeros({q_ND.size(0)}, at::kLong));
}

}  // namespace sslrun::bench
