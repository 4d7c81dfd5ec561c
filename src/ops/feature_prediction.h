// N rows, T tokens, D features.
#pragma once

namespace at {
class Tensor;
}

namespace sslrun::ops {

/// Smooth L1 with beta 1, the mean over all elements: d^2 / 2 where |d| < 1, else |d| - 1/2.
/// shapes    predicted, target [N, T, D] -> a scalar; no gradient reaches the target.
/// numerics  float32 under autocast.
/// source    facebookresearch/ijepa src/train.py loss_fn.
at::Tensor smooth_l1(const at::Tensor& predicted_NTD, const at::Tensor& target_NTD);

/// (x - mean) / sqrt(var + 1e-5) of each token, without weights and without a graph: what I-JEPA's
/// target features are made comparable by.
/// numerics  float32 under autocast.
at::Tensor normalize_tokens(const at::Tensor& x_NTD);

}  // namespace sslrun::ops
