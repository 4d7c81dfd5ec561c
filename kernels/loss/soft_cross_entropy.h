#pragma once
#include "kernels/device.h"

#include <cstdint>

namespace sslrun::kernels {

/// Rows of logits as a network in float32 or bfloat16 left them.
struct LogitRows {
  const void* data;
  bool bf16;
};

/// Cross entropy of student's views with the softmax of teacher's views of the same image. For view s
/// of image i: loss[s, i] = -sum_t sum_k p[t, i, k] * log softmax(student[s, i, :] *
/// student_inv_temp)[k], where p[t, i, :] = softmax((teacher[t, i, :] - center) *
/// teacher_inv_temp), or teacher[t, i, :] itself where center is null, and t runs over all teacher's
/// views, or over all but t = s (other_views).
/// shapes    teacher [teachers, images, cols], student and gradient [students, images, cols], in
///           float32 or bfloat16; center [cols], teacher_lse [teachers, images] (unused without
///           center), student_lse, mass, loss, upstream [students, images], in float32; dense, no
///           aliasing, in the device's memory.
/// units     loss and lse in nats; mass: sum of the targets of a row; inv_temp = 1 / temperature > 0.
/// numerics  float32. The targets of a student row are summed first, so there is one product per
///           row, not one per pair; neither they nor any softmax is stored: the backward pass makes
///           them again. No bit depends on the number of threads. A NaN or +inf in a row makes its
///           loss NaN.
/// memory    Cpu: 4 KB per teacher's view and thread. Cuda: none.
/// errors    none for the data. A failed launch throws DeviceError.
/// source    Caron et al. 2021, arXiv:2104.14294, equation 2; facebookresearch/dino main_dino.py
///           DINOLoss.forward.
struct SoftCrossEntropyArgs {
  LogitRows teacher, student;
  const float* center;
  std::int64_t images, cols, teachers, students;
  bool other_views;
  float teacher_inv_temp, student_inv_temp;
  float *teacher_lse, *student_lse, *mass;  // out in forward, in for backward
  float* loss = nullptr;                    // out in forward
};

/// Writes loss, teacher_lse, student_lse and mass.
void soft_cross_entropy_forward(const SoftCrossEntropyArgs& args, Cpu device);
void soft_cross_entropy_forward(const SoftCrossEntropyArgs& args, Cuda device);

/// gradient = d sum(upstream * loss) / d student, in the student's format.
void soft_cross_entropy_backward(const SoftCrossEntropyArgs& args,
                                 const float* upstream,
                                 void* gradient,
                                 Cpu device);
void soft_cross_entropy_backward(const SoftCrossEntropyArgs& args,
                                 const float* upstream,
                                 void* gradient,
                                 Cuda device);

}  // namespace sslrun::kernels
