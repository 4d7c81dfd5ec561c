#include "ops/representation.h"

#include "ops/autocast.h"
#include "ops/unit_rows.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/full.h>
#include <ATen/ops/linalg_eigvalsh.h>

#include <cmath>
#include <limits>

namespace sslrun::ops {
namespace {

constexpr double kRankMeEps = 1e-7;
constexpr double kUniformityScale = -2;

at::Tensor double_of(const at::Tensor& x) {
  return x.detach().to(at::kCPU, at::kDouble);
}

// The eigenvalues of X^T X that can differ from 0.
at::Tensor squared_singular_values(const at::Tensor& x_ND) {
  const bool wide = x_ND.size(0) < x_ND.size(1);
  const at::Tensor gram = wide ? x_ND.matmul(x_ND.t()) : x_ND.t().matmul(x_ND);
  if (!std::isfinite(gram.sum().item<double>()))  // LAPACK takes it for a failure of its own
    return at::full({gram.size(0)}, std::numeric_limits<double>::quiet_NaN(), gram.options());
  return at::linalg_eigvalsh(gram).clamp_min(0);
}

// x ln x, 0 at 0.
at::Tensor x_log_x(const at::Tensor& p) {
  return p * p.clamp_min(1e-300).log();
}

}  // namespace

double rank_me(const at::Tensor& z_ND) {
  const at::Tensor sigma = squared_singular_values(double_of(z_ND)).sqrt();
  const at::Tensor p = sigma / sigma.sum().clamp_min(1e-300) + kRankMeEps;
  return std::exp(-x_log_x(p).sum().item<double>());
}

double effective_rank(const at::Tensor& z_ND) {
  const at::Tensor wide_ND = double_of(z_ND);
  const at::Tensor lambda = squared_singular_values(wide_ND - wide_ND.mean(0));
  const double sum = lambda.sum().item<double>();
  if (sum == 0) return 0;
  return std::exp(-x_log_x(lambda / sum).sum().item<double>());
}

double alignment(const at::Tensor& x_ND, const at::Tensor& y_ND) {
  return (unit_rows(double_of(x_ND)) - unit_rows(double_of(y_ND)))
      .square()
      .sum(1)
      .mean()
      .item<double>();
}

double uniformity(const at::Tensor& z_ND) {
  const at::Tensor unit_ND = unit_rows(double_of(z_ND));
  const at::Tensor squared_NN = 2 - 2 * unit_ND.matmul(unit_ND.t());
  const auto n = static_cast<double>(unit_ND.size(0));
  const at::Tensor near_NN = (squared_NN * kUniformityScale).exp();
  const double pairs = near_NN.sum().item<double>() - near_NN.diagonal().sum().item<double>();
  return std::log(pairs / (n * (n - 1)));
}

ContrastStats contrast_stats(const at::Tensor& q_ND, const at::Tensor& k_MD) {
  const FullPrecision full(q_ND.device());
  const at::Tensor cosine_NM = unit_rows(q_ND.detach()).matmul(unit_rows(k_MD.detach()).t());
  const at::Tensor positive_N = cosine_NM.diagonal();
  const auto negatives = static_cast<double>(cosine_NM.numel() - positive_N.numel());
  const at::Tensor own_N = at::arange(q_ND.size(0), q_ND.options().dtype(at::kLong));
  return {.positive_cosine = positive_N.mean(),
          .negative_cosine = (cosine_NM.sum() - positive_N.sum()) / negatives,
          .top1 = cosine_NM.argmax(1).eq(own_N).to(at::kFloat).mean()};
}

AssignmentStats assignment_stats(const at::Tensor& p_NK) {
  const at::Tensor wide_NK = at_full_precision(p_NK.detach());
  const at::Tensor entropy = -(wide_NK * wide_NK.clamp_min(1e-30).log()).sum(1).mean();
  const at::Tensor mean_K = wide_NK.mean(0);
  return {.entropy = entropy,
          .kl_from_uniform = std::log(static_cast<double>(p_NK.size(1))) - entropy,
          .classes_used = (-(mean_K * mean_K.clamp_min(1e-30).log()).sum()).exp()};
}

}  // namespace sslrun::ops
