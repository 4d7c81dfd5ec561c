#include "methods/center.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/full.h>
#include <ATen/ops/where.h>
#include <ATen/ops/zeros.h>

namespace sslrun::methods {

Center::Center(std::int64_t outputs, double momentum)
    : momentum_(momentum), center_K_(register_buffer("mean", at::zeros({outputs}))) {}

void Center::observe(const at::Tensor& logits_NK, dist::World& world) {
  const at::NoGradGuard no_grad;
  const at::ScalarType wide = logits_NK.scalar_type() == at::kDouble ? at::kDouble : at::kFloat;
  const at::Tensor sum_K = logits_NK.sum(at::IntArrayRef{0}, /*keepdim=*/false, wide);
  const at::Tensor rows_1 = at::full({1}, logits_NK.size(0), sum_K.options());
  const at::Tensor all_L = world.all_reduce_sum(at::cat({sum_K, rows_1}));
  seen_L_ = seen_L_.defined() ? seen_L_ + all_L : all_L;
}

void Center::update() {
  if (!seen_L_.defined()) return;
  const at::NoGradGuard no_grad;
  const std::int64_t outputs = center_K_.size(0);
  const at::Tensor rows_1 = seen_L_.narrow(0, outputs, 1);
  const at::Tensor moved_K =
      center_K_ * momentum_ + seen_L_.narrow(0, 0, outputs) / rows_1.clamp_min(1) * (1 - momentum_);
  center_K_.copy_(at::where(rows_1.gt(0), moved_K, center_K_));
  seen_L_.reset();
}

}  // namespace sslrun::methods
