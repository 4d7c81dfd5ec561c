// Spreads embeddings out.  N rows, D dimensions.
#pragma once

namespace at {
class Tensor;
}

namespace sslrun::ops {

/// Minus the mean over the rows of log(|x_i - x_j + 1e-8| + 1e-8), x on the unit sphere and x_j the
/// nearest other row of x_i by cosine: -log sqrt(2) where all rows are orthogonal.
/// shapes    x_ND [N, D], N >= 2. Answer: a scalar.
/// dtypes    float32 or float64; reduced precisions are computed in float32.
/// gradient  for x_ND, of a row itself and of the row it is nearest to.
/// errors    UsageError for fewer rows: none is nearest.
/// source    Sablayrolles et al. 2019, arXiv:1806.03198, equation 2; facebookresearch/dinov2
///           dinov2/loss/koleo_loss.py.
at::Tensor koleo(const at::Tensor& x_ND);

}  // namespace sslrun::ops
