// The sum of squares of a cross product's off-diagonal entries.  N rows, D dimensions.
#pragma once

namespace at {
class Tensor;
}

namespace sslrun::ops {

/// sum over i != j of (A^T B)_ij^2, which redundancy-reduction losses hold down. Where N < D the
/// D x D product is never made: |A^T B|^2 = <A A^T, B B^T>, two N x N products, so time and memory
/// fall by D / N; from N = D on the D x D product is made once.
/// shapes    a_ND, b_ND [N, D] -> a scalar. Give the same tensor twice for A^T A.
/// dtypes    float32 or float64; the products keep the precision of their inputs under autocast too.
/// gradient  for both, once.
/// errors    UsageError unless both are [N, D].
at::Tensor off_diagonal_energy(const at::Tensor& a_ND, const at::Tensor& b_ND);

}  // namespace sslrun::ops
