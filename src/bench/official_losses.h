// Losses as their official repositories write them, with LibTorch's operations and autograd: what ours
// are timed beside.  N images, D dimensions, K classes.
#pragma once
#include <cstdint>
#include <span>

namespace at {
class Tensor;
}

namespace sslrun::bench {

/// NT-Xent of [N, D], N even and view-major: normalise, N x N similarities, mask the diagonal, cross
/// entropy.
at::Tensor official_nt_xent(const at::Tensor& z_ND, double temperature);

/// DINO's loss: a log-softmax and a product for each pair of views. student [S, N, K], teacher
/// [T, N, K], center [K].
/// source    facebookresearch/dino main_dino.py DINOLoss.forward.
at::Tensor official_dino(const at::Tensor& student_SNK,
                         const at::Tensor& teacher_TNK,
                         const at::Tensor& center_K,
                         double student_temperature,
                         double teacher_temperature);

/// SwAV's assignments of scores [B, K]: exp(scores / eps), rows and columns divided by their sums.
/// source    facebookresearch/swav main_swav.py distributed_sinkhorn.
at::Tensor official_sinkhorn(const at::Tensor& scores_BK, double eps, std::int64_t iterations);

}  // namespace sslrun::bench
