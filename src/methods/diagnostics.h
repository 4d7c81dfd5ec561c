// Scalars that tell how a method's own task goes.
#pragma once
#include "methods/method.h"

#include <ATen/core/Tensor.h>

namespace sslrun::methods {

/// Adds positive_cosine, negative_cosine and contrastive_top1 (ops::contrast_stats) of at most 256
/// queries among 1024 keys: what is logged now and then shall cost little. k_MD: the queries' own keys
/// first.
void report_contrast(const at::Tensor& q_ND, const at::Tensor& k_MD, StepResult& result);

/// Adds a number that is known without a device.
void report(const char* name, double value, StepResult& result);

/// Adds ema_distance (nn::ema_distance of the encoders) and ema_momentum, the tau of this step.
void report_follower(const at::Tensor& distance, double tau, StepResult& result);

/// Adds teacher_entropy, teacher_kl (from uniform) and prototypes_used (ops::assignment_stats).
void report_assignments(const at::Tensor& p_NK, StepResult& result);

}  // namespace sslrun::methods
