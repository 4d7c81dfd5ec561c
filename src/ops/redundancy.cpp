#include "ops/redundancy.h"

#include "base/error.h"
#include "ops/autocast.h"
#include "ops/off_diagonal_energy.h"

#include <ATen/TensorOperators.h>

namespace sslrun::ops {
namespace {

constexpr double kVarianceEps = 1e-4;

void check(const at::Tensor& x_ND, const at::Tensor& y_ND) {
  if (x_ND.dim() != 2 || x_ND.sizes() != y_ND.sizes() || x_ND.size(0) < 2)
    throw UsageError("both branches must be [N, D] with N >= 2");
}

at::Tensor missing_variance(const at::Tensor& centred_ND, double degrees) {
  const at::Tensor std_D = (centred_ND.square().sum(0) / degrees + kVarianceEps).sqrt();
  return (1 - std_D).relu().mean();
}

}  // namespace

at::Tensor barlow_twins(const at::Tensor& z1_ND, const at::Tensor& z2_ND, double lambda) {
  check(z1_ND, z2_ND);
  const at::Tensor a_ND = at_full_precision(z1_ND), b_ND = at_full_precision(z2_ND);
  const auto rows = static_cast<double>(a_ND.size(0));
  const at::Tensor diagonal_D = (a_ND * b_ND).sum(0) / rows;
  return (1 - diagonal_D).square().sum() +
         off_diagonal_energy(a_ND, b_ND) * (lambda / (rows * rows));
}

at::Tensor mean_off_diagonal(const at::Tensor& z1_ND, const at::Tensor& z2_ND) {
  check(z1_ND, z2_ND);
  const FullPrecision full(z1_ND.device());
  const at::Tensor c_DD =
      at_full_precision(z1_ND).t().matmul(at_full_precision(z2_ND)).abs() / z1_ND.size(0);
  const auto d = static_cast<double>(c_DD.size(0));
  return (c_DD.sum() - c_DD.diagonal().sum()) / (d * (d - 1));
}

VicRegTerms vicreg(const at::Tensor& x_ND, const at::Tensor& y_ND) {
  check(x_ND, y_ND);
  at::Tensor x = at_full_precision(x_ND), y = at_full_precision(y_ND);
  const at::Tensor invariance = (x - y).square().mean();
  x = x - x.mean(0);
  y = y - y.mean(0);
  const double degrees = static_cast<double>(x.size(0) - 1);
  const double scale = 1 / (degrees * degrees * static_cast<double>(x.size(1)));
  return {.invariance = invariance,
          .variance = (missing_variance(x, degrees) + missing_variance(y, degrees)) / 2,
          .covariance = (off_diagonal_energy(x, x) + off_diagonal_energy(y, y)) * scale};
}

}  // namespace sslrun::ops
