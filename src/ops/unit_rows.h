// Rows on the unit sphere.  N rows, D dimensions.
#pragma once

namespace at {
class Tensor;
}

namespace sslrun::ops {

/// x / max(|x|, 1e-12) for each row. shapes: [N, D] -> [N, D] in float32, or float64 for float64.
at::Tensor unit_rows(const at::Tensor& x_ND);

/// Minus the mean over the rows of cos(p_i, t_i): -1 where all agree.
/// shapes    p_ND, t_ND [N, D] -> a scalar in float32, or float64 for float64.
/// source    Chen and He 2021, arXiv:2011.10566, equation 1. BYOL's loss of one direction is 2 + 2
///           times it: Grill et al. 2020, arXiv:2006.07733, equation 2.
at::Tensor negative_cosine(const at::Tensor& p_ND, const at::Tensor& t_ND);

}  // namespace sslrun::ops
