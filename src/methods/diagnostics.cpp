#include "methods/diagnostics.h"

#include "ops/representation.h"
#include "ops/rows.h"

#include <ATen/ops/scalar_tensor.h>

namespace sslrun::methods {
namespace {

constexpr std::int64_t kMostQueries = 256, kMostKeys = 1024;

}  // namespace

void report_contrast(const at::Tensor& q_ND, const at::Tensor& k_MD, StepResult& result) {
  const ops::ContrastStats stats =
      ops::contrast_stats(ops::first_rows(q_ND, kMostQueries), ops::first_rows(k_MD, kMostKeys));
  result.scalars.emplace_back("positive_cosine", stats.positive_cosine);
  result.scalars.emplace_back("negative_cosine", stats.negative_cosine);
  result.scalars.emplace_back("contrastive_top1", stats.top1);
}

void report(const char* name, double value, StepResult& result) {
  result.scalars.emplace_back(name, at::scalar_tensor(value));
}

void report_follower(const at::Tensor& distance, double tau, StepResult& result) {
  result.scalars.emplace_back("ema_distance", distance);
  report("ema_momentum", tau, result);
}

void report_assignments(const at::Tensor& p_NK, StepResult& result) {
  const ops::AssignmentStats stats = ops::assignment_stats(p_NK);
  result.scalars.emplace_back("teacher_entropy", stats.entropy);
  result.scalars.emplace_back("teacher_kl", stats.kl_from_uniform);
  result.scalars.emplace_back("prototypes_used", stats.classes_used);
}

}  // namespace sslrun::methods
