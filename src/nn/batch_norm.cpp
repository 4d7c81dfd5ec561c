#include "nn/batch_norm.h"

#include "base/error.h"
#include "dist/world.h"
#include "nn/init.h"
#include "ops/synchronized_batch_norm.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/batch_norm.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>

#include <fmt/format.h>

#include <vector>

namespace sslrun::nn {
namespace {

constexpr double kEps = 1e-5;
constexpr double kMomentum = 0.1;

}  // namespace

BatchNorm::BatchNorm(std::int64_t channels, Affine affine, double gamma) {
  if (affine != Affine::kNone)
    weight_C_ = register_parameter("weight", Init::constant({channels}, gamma));
  if (affine == Affine::kScaleAndShift)
    bias_C_ = register_parameter("bias", Init::constant({channels}, 0));
  running_mean_C_ = register_buffer("running_mean", Init::constant({channels}, 0));
  running_var_C_ = register_buffer("running_var", Init::constant({channels}, 1));
  num_batches_tracked_ = register_buffer("num_batches_tracked", at::zeros({}, at::kLong));
}

at::Tensor BatchNorm::forward(const at::Tensor& x_NC) const {
  if (training()) {
    const at::NoGradGuard no_grad;
    num_batches_tracked_.add_(1);
  }
  if (training() && groups_ > 1) return forward_split(x_NC);
  if (training() && world_ != nullptr && world_->size() > 1) {
    return ops::synchronized_batch_norm(
        x_NC, {weight_C_, bias_C_, running_mean_C_, running_var_C_, kMomentum, kEps}, *world_);
  }
  return at::batch_norm(x_NC,
                        weight_C_,
                        bias_C_,
                        running_mean_C_,
                        running_var_C_,
                        training(),
                        kMomentum,
                        kEps,
                        /*cudnn_enabled=*/true);
}

at::Tensor BatchNorm::forward_split(const at::Tensor& x_NC) const {
  const std::int64_t ranks = world_ == nullptr ? 1 : world_->size(), groups = groups_ / ranks;
  check_invariant(groups * ranks == groups_, "ranks share out the groups of a split batch norm");
  const std::int64_t rows = x_NC.size(0) / groups;
  if (rows * groups != x_NC.size(0) || rows < 2) {
    throw UsageError(
        fmt::format("a batch of split batch norm must hold {} equal groups of 2 rows "
                    "or more, got {} rows",
                    groups,
                    x_NC.size(0)));
  }
  const at::Tensor mean_C = at::zeros_like(running_mean_C_), var_C = at::zeros_like(mean_C);
  std::vector<at::Tensor> parts;
  for (const at::Tensor& part_NC : x_NC.split(rows)) {
    // With momentum 1 the running statistics become those of the group.
    const at::Tensor group_mean_C = at::zeros_like(mean_C), group_var_C = at::zeros_like(mean_C);
    parts.push_back(at::batch_norm(part_NC,
                                   weight_C_,
                                   bias_C_,
                                   group_mean_C,
                                   group_var_C,
                                   /*training=*/true,
                                   /*momentum=*/1.0,
                                   kEps,
                                   /*cudnn_enabled=*/true));
    mean_C.add_(group_mean_C);
    var_C.add_(group_var_C);
  }
  const at::Tensor out = at::cat(parts, 0);
  const at::NoGradGuard no_grad;
  const double share = kMomentum / static_cast<double>(groups_);
  const at::Tensor moments_2C = at::stack({mean_C, var_C});
  const at::Tensor all_2C = ranks == 1 ? moments_2C : world_->all_reduce_sum(moments_2C);
  running_mean_C_.mul_(1 - kMomentum).add_(all_2C[0], share);
  running_var_C_.mul_(1 - kMomentum).add_(all_2C[1], share);
  return out;
}

}  // namespace sslrun::nn
