// Losses that keep embeddings apart by decorrelating their dimensions.  N rows over all ranks, D
// dimensions.
#pragma once
#include <ATen/core/Tensor.h>

namespace sslrun::ops {

/// Barlow Twins: sum_i (1 - C_ii)^2 + lambda * sum_{i != j} C_ij^2 with C = Z1^T Z2 / N.
/// shapes    z1_ND, z2_ND [N, D], each column with mean 0 and (biased) variance 1 over the N rows, as
///           a batch norm without affine makes it. Answer: a scalar in float32, or float64 for float64.
/// source    Zbontar et al. 2021, arXiv:2103.03230, equation 1; facebookresearch/barlowtwins main.py.
at::Tensor barlow_twins(const at::Tensor& z1_ND, const at::Tensor& z2_ND, double lambda);

/// The mean of |C_ij| off the diagonal of that C: how much dimensions repeat each other, 0 to 1.
at::Tensor mean_off_diagonal(const at::Tensor& z1_ND, const at::Tensor& z2_ND);

/// VICReg's three terms, scalars in float32 (float64 for float64).
struct VicRegTerms {
  at::Tensor invariance;  // mean of (x - y)^2 over all elements
  at::Tensor variance;    // mean over dimensions of max(0, 1 - std), the mean of both branches
  at::Tensor
      covariance;  // sum of squares off the diagonal of the covariance / D, both branches added
};

/// std = sqrt(unbiased variance + 1e-4); the covariance is divided by N - 1.
/// shapes    x_ND, y_ND [N, D], N >= 2.
/// source    Bardes et al. 2022, arXiv:2105.04906, equations 1 to 5; facebookresearch/vicreg
///           main_vicreg.py (whose covariance term is the sum over the branches, not their mean).
VicRegTerms vicreg(const at::Tensor& x_ND, const at::Tensor& y_ND);

}  // namespace sslrun::ops
