// The contrastive loss of SimCLR.  N = 2 * images, D = embedding dimension.
#pragma once

namespace at {
class Tensor;
}

namespace sslrun::ops {

/// NT-Xent: the mean over the N rows of -log(exp(s_i,pos) / sum_{j != i} exp(s_ij)), s_ij =
/// cos(z_i, z_j) / temperature.
/// shapes    z_ND [N, D], N even, view-major: the positive of row i is row (i + N/2) mod N. Answer:
///           a scalar, z's device.
/// dtypes    float32; float16 and bfloat16 are computed in float32; float64 (for checks) in
///           float64.
/// numerics  float32 uses kernels/loss/nt_xent, which never stores the N x N matrix; float64 stores
///           it.
/// gradient  for z_ND, once: the gradient itself has none in float32.
/// errors    UsageError unless z_ND is [N, D] with N even, not 0, and temperature > 0.
/// source    Chen et al. 2020, arXiv:2002.05709, equation 1 (the official repository's value is
///           twice this).
at::Tensor nt_xent(const at::Tensor& z_ND, double temperature);

}  // namespace sslrun::ops
