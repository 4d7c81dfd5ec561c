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

/// DINOv2's loss of patches [N, K]: the teacher's assignments as SwAV makes them, their product with the
/// student's log-softmax.
/// source    facebookresearch/dinov2 dinov2/loss/ibot_patch_loss.py sinkhorn_knopp_teacher,
///           forward_masked.
at::Tensor official_dinov2_patches(const at::Tensor& student_NK,
                                   const at::Tensor& teacher_NK,
                                   double student_temperature,
                                   double teacher_temperature,
                                   std::int64_t iterations);

/// Barlow Twins of two normalised branches [N, D], by their D x D cross-correlation.
/// source    facebookresearch/barlowtwins main.py BarlowTwins.forward, off_diagonal.
at::Tensor official_barlow_twins(const at::Tensor& z1_ND, const at::Tensor& z2_ND, double lambda);

/// VICReg of [N, D], its terms weighted 25, 25 and 1, by both D x D covariances.
/// source    facebookresearch/vicreg main_vicreg.py VICReg.forward, off_diagonal.
at::Tensor official_vicreg(const at::Tensor& x_ND, const at::Tensor& y_ND);

/// MoCo's loss of queries and keys [N, D] and a queue [M, D] of unit rows: the N x (1 + M) logits, cross
/// entropy with class 0.
/// source    facebookresearch/moco moco/builder.py MoCo.forward, main_moco.py.
at::Tensor official_moco(const at::Tensor& q_ND,
                         const at::Tensor& k_ND,
                         const at::Tensor& queue_MD,
                         double temperature);

}  // namespace sslrun::bench
