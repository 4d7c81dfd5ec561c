// Losses of a student's predictions against soft targets.  N rows or images, K classes or prototypes,
// V views of the student, Q of the teacher.
#pragma once

namespace at {
class Tensor;
}

namespace sslrun::ops {

/// The mean over the rows of -sum_k target_k log softmax(logits / temperature)_k.
/// shapes    logits_NK, target_NK [N, K], N > 0; target rows mostly sum to 1. Answer: a scalar.
/// dtypes    float32 or float64; reduced precisions are computed in float32.
/// gradient  for logits_NK; the targets are constants.
/// errors    UsageError unless the shapes are equal and temperature > 0.
/// source    Caron et al. 2020, arXiv:2006.09882, equation 2.
at::Tensor soft_cross_entropy(const at::Tensor& logits_NK,
                              const at::Tensor& target_NK,
                              double temperature);

/// The mean soft cross entropy over all pairs of a target view q and a student view v != q: the first
/// Q views of the student are those that the targets were made from.
/// shapes    student_VNK [V, N, K], target_QNK [Q, N, K], 1 <= Q <= V, V >= 2.
/// dtypes, gradient as above.
/// source    facebookresearch/swav main_swav.py train: each code predicted from all other crops.
at::Tensor swapped_cross_entropy(const at::Tensor& student_VNK,
                                 const at::Tensor& target_QNK,
                                 double temperature);

/// What a teacher says: softmax((logits - center) / temperature) without a graph.
/// shapes    teacher_QNK [..., K], center_K [K] -> as teacher_QNK, in float32 (float64 for float64).
at::Tensor centered_softmax(const at::Tensor& teacher_QNK,
                            const at::Tensor& center_K,
                            double temperature);

/// swapped_cross_entropy against centered_softmax of the teacher's logits.
/// shapes    student_VNK [V, N, K], teacher_QNK [Q, N, K], center_K [K]. Answer: a scalar.
/// gradient  for student_VNK.
/// source    Caron et al. 2021, arXiv:2104.14294, equation 3; facebookresearch/dino main_dino.py
///           DINOLoss.forward.
at::Tensor self_distillation(const at::Tensor& student_VNK,
                             const at::Tensor& teacher_QNK,
                             const at::Tensor& center_K,
                             double student_temperature,
                             double teacher_temperature);

/// The sum over the rows of weight_i times row i's soft cross entropy against centered_softmax of the
/// teacher's row.
/// shapes    student_NK, teacher_NK [N, K], center_K [K], weight_N [N]. Answer: a scalar, 0 for N = 0.
/// gradient  for student_NK.
/// source    Zhou et al. 2022, arXiv:2111.07832, equation 2; facebookresearch/dinov2
///           dinov2/loss/ibot_patch_loss.py forward_masked.
at::Tensor weighted_self_distillation(const at::Tensor& student_NK,
                                      const at::Tensor& teacher_NK,
                                      const at::Tensor& center_K,
                                      const at::Tensor& weight_N,
                                      double student_temperature,
                                      double teacher_temperature);

}  // namespace sslrun::ops
