// The supervised contrastive loss.  N rows of all views, D dimensions.
#pragma once

namespace at {
class Tensor;
}

namespace sslrun::ops {

/// L_out: the mean over the rows i of the mean over the other rows p of the same class of
/// -log(exp(s_ip) / sum_{j != i} exp(s_ij)), s_ij = cos(z_i, z_j) / temperature.
/// shapes    z_ND [N, D], labels_N [N] int64; each class has two rows at least. Answer: a scalar in
///           float32, or float64 for float64. Stores the N x N matrix.
/// errors    UsageError for other shapes or temperature <= 0.
/// source    Khosla et al. 2020, arXiv:2004.11362, equation 2; HobbitLong/SupContrast losses.py, which
///           multiplies it by temperature / 0.07.
at::Tensor supervised_contrast(const at::Tensor& z_ND,
                               const at::Tensor& labels_N,
                               double temperature);

}  // namespace sslrun::ops
