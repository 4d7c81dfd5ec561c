// The decoupled contrastive losses.  N = 2 * images, D = embedding dimension.
#pragma once
#include <cstdint>
#include <optional>

namespace at {
class Tensor;
}

namespace sslrun::ops {

/// Consecutive images of a batch: rows first to first + count - 1 of each view.
struct ImageRange {
  std::int64_t first, count;
};

/// DCL: NT-Xent without the positive in the denominator. The mean over the rows of the images in `of`
/// (a rank's own; absent: all) of -s_i,pos + log sum exp(s_ij) over the rows j of other images, s_ij =
/// cos(z_i, z_j) / temperature.
/// shapes    z_ND [N, D], N even and >= 4, view-major: the positive of row i is row (i + N/2) mod N.
///           Answer: a scalar in float32, or float64 for float64. Stores the 2 count x N matrix.
/// errors    UsageError for another shape or temperature <= 0.
/// source    Yeh et al. 2021, arXiv:2110.06848, equation 6; lightly 1.6.0 loss/dcl_loss.py (earlier
///           versions added the logarithms of one sum for each view).
at::Tensor dcl(const at::Tensor& z_ND,
               double temperature,
               const std::optional<ImageRange>& of = {});

/// DCLW: the same, -s_i,pos weighted by 2 - n softmax(cos(z, z_pos) / sigma)_i over all n = N/2
/// images, a constant.
/// source    the same, section 3.2; lightly's negative_mises_fisher_weights.
at::Tensor dclw(const at::Tensor& z_ND,
                double temperature,
                double sigma,
                const std::optional<ImageRange>& of = {});

}  // namespace sslrun::ops
