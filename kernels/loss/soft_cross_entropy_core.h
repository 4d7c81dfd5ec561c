// Arithmetic of the cross entropy with a teacher's softmax as target, on scalars. No other file may
// repeat it.
// Order of summation, on every device: rows as log_sum_exp_core.h says, the targets of a student row in
// the order of the teacher's views.
#pragma once
#include "kernels/bf16_core.h"
#include "kernels/host_device.h"
#include "kernels/loss/log_sum_exp_core.h"

#include <cstdint>

namespace sslrun::kernels {

/// Of a student row, or of a tile of it.
struct SoftRow {
  LogSumExp lse;                // of logit / temperature
  float mass = 0.f, dot = 0.f;  // sums of target and of target * logit, without the temperature

  SSLRUN_HD void merge(SoftRow o) {
    lse.merge(o.lse);
    mass += o.mass;
    dot += o.dot;
  }

  /// -sum_k target_k log softmax_k for targets whose mass is known to be `exact`: what rounding and
  /// the exponential have in common in all of them is divided out.
  SSLRUN_HD float loss(float inv_temp, float exact) const {
    if (exact == 0.f) return 0.f;
    return exact * (lse.value() - dot / mass * inv_temp);
  }
};

/// A teacher's probability of one column; lse: of its row of (logit - center) * inv_temp.
SSLRUN_HD float soft_target(float logit, float center, float inv_temp, float lse) {
  const float log_p = (logit - center) * inv_temp - lse;  // <= 0 but for rounding
  return exp_nonpositive(log_p > 0.f ? 0.f : log_p);
}

/// d loss / d logit of a student row: `scale` = upstream * inv_temp.
SSLRUN_HD float soft_gradient(float logit,
                              float inv_temp,
                              float lse,
                              float mass,
                              float target,
                              float scale) {
  const float log_p = logit * inv_temp - lse;
  return scale * (mass * exp_nonpositive(log_p > 0.f ? 0.f : log_p) - target);
}

/// Whether teacher's view `teacher` is a target of student's view `student`.
SSLRUN_HD bool soft_is_pair(std::int64_t teacher, std::int64_t student, bool other_views) {
  return !other_views || teacher != student;
}

/// Teacher's views that are targets of one of the student's.
SSLRUN_HD std::int64_t soft_pairs(std::int64_t teachers, std::int64_t student, bool other_views) {
  return teachers - (other_views && student < teachers ? 1 : 0);
}

}  // namespace sslrun::kernels
