// Each rank normalises as in evaluation mode, with the merged statistics in place of the running
// ones. The gradient needs two sums over all ranks' rows; a kernel then makes it in one pass.
#include "ops/synchronized_batch_norm.h"

#include "base/error.h"
#include "dist/world.h"
#include "kernels/norm/batch_norm_gradient.h"
#include "ops/device.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/batch_norm.h>
#include <ATen/ops/batch_norm_update_stats.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/native_batch_norm_backward.h>
#include <ATen/ops/ones_like.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/zeros_like.h>
#include <torch/csrc/autograd/custom_function.h>

#include <tuple>

namespace sslrun::ops {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

struct Statistics {
  at::Tensor mean_C, var_C;  // of all ranks' rows; the variance is the biased one
  double rows = 0;           // values of a channel, all ranks together
};

Statistics merge(const at::Tensor& x_NC, const at::Tensor& like_C, dist::World& world) {
  // The running statistics that this moves are not looked at.
  const auto [mean_C, var_C] =
      at::batch_norm_update_stats(x_NC, at::zeros_like(like_C), at::ones_like(like_C), 1.0);
  const at::Tensor all_R2C = world.all_gather(at::stack({mean_C, var_C}).unsqueeze(0));
  const at::Tensor means_RC = all_R2C.select(1, 0), vars_RC = all_R2C.select(1, 1);
  const at::Tensor merged_C = means_RC.mean(0);
  return {.mean_C = merged_C,
          .var_C = (vars_RC + (means_RC - merged_C).square()).mean(0),
          .rows = static_cast<double>(x_NC.numel() / mean_C.size(0) * world.size())};
}

/// Per channel, as BatchNormGradientArgs says.
struct Coefficients {
  at::Tensor scale_C, mean_C, dy_mean_C, slope_C;
};

template <class Stored>
void run_kernel(const at::Tensor& dy_NC,
                const at::Tensor& x_NC,
                const Coefficients& k,
                const at::Tensor& dx_NC) {
  using Wide = kernels::Computed<Stored>;
  const bool channels_last = !x_NC.is_contiguous();
  const std::int64_t channels = x_NC.size(1);
  const std::int64_t inner = channels_last ? 1 : x_NC.numel() / (x_NC.size(0) * channels);
  const kernels::BatchNormGradientArgs<Stored> args{
      .dy = static_cast<const Stored*>(dy_NC.const_data_ptr()),
      .x = static_cast<const Stored*>(x_NC.const_data_ptr()),
      .dx = static_cast<Stored*>(dx_NC.mutable_data_ptr()),
      .scale = k.scale_C.const_data_ptr<Wide>(),
      .mean = k.mean_C.const_data_ptr<Wide>(),
      .dy_mean = k.dy_mean_C.const_data_ptr<Wide>(),
      .slope = k.slope_C.const_data_ptr<Wide>(),
      .outer = x_NC.numel() / (channels * inner),
      .channels = channels,
      .inner = inner};
  on_device(x_NC, [&](auto device) { kernels::batch_norm_gradient(args, device); });
}

at::Tensor gradient(const at::Tensor& dy_NC, const at::Tensor& x_NC, const Coefficients& k) {
  at::Tensor dx_NC = at::empty_like(x_NC);
  switch (x_NC.scalar_type()) {
    case at::kFloat:
      run_kernel<float>(dy_NC, x_NC, k, dx_NC);
      break;
    case at::kDouble:
      run_kernel<double>(dy_NC, x_NC, k, dx_NC);
      break;
    case at::kBFloat16:
      run_kernel<std::uint16_t>(dy_NC, x_NC, k, dx_NC);
      break;
    default:
      check_invariant(false, "batch norm takes float32, float64 or bfloat16");
  }
  return dx_NC;
}

struct Normalize final : torch::autograd::Function<Normalize> {
  static at::Tensor forward(AutogradContext* context,
                            const at::Tensor& x_NC,
                            const at::Tensor& weight_C,
                            const at::Tensor& bias_C,
                            const BatchNormState* state,
                            dist::World* world) {
    const Statistics s = merge(x_NC, state->running_mean_C, *world);
    const double share = state->momentum;
    state->running_mean_C.mul_(1 - share).add_(s.mean_C, share);
    state->running_var_C.mul_(1 - share).add_(s.var_C, share * s.rows / (s.rows - 1));
    context->save_for_backward({x_NC, weight_C, s.mean_C, s.var_C});
    context->saved_data["rows"] = s.rows;
    context->saved_data["eps"] = state->eps;
    context->saved_data["world"] = reinterpret_cast<std::int64_t>(world);
    return at::batch_norm(
        x_NC, weight_C, bias_C, s.mean_C, s.var_C, false, 0.0, state->eps, /*cudnn_enabled=*/true);
  }

  static variable_list backward(AutogradContext* context, const variable_list& upstream) {
    const variable_list saved = context->get_saved_variables();
    const at::Tensor &weight_C = saved[1], &mean_C = saved[2], &var_C = saved[3];
    const double rows = context->saved_data["rows"].toDouble();
    const double eps = context->saved_data["eps"].toDouble();
    auto* const world = reinterpret_cast<dist::World*>(context->saved_data["world"].toInt());
    const at::MemoryFormat layout = saved[0].suggest_memory_format();
    const at::Tensor x_NC = saved[0].contiguous(layout), dy_NC = upstream[0].contiguous(layout);
    const auto [none, dweight_C, dbias_C] = at::native_batch_norm_backward(
        dy_NC, x_NC, weight_C, mean_C, var_C, {}, {}, false, eps, {false, true, true});
    const at::Tensor sums_2C = world->all_reduce_sum(at::stack({dweight_C, dbias_C}));
    const at::Tensor inverse_C = (var_C + eps).rsqrt();
    const at::Tensor dx_NC = gradient(dy_NC,
                                      x_NC,
                                      {.scale_C = weight_C * inverse_C,
                                       .mean_C = mean_C,
                                       .dy_mean_C = sums_2C[1] / rows,
                                       .slope_C = sums_2C[0] * inverse_C / rows});
    return {dx_NC, dweight_C, dbias_C, at::Tensor(), at::Tensor()};
  }
};

}  // namespace

at::Tensor synchronized_batch_norm(const at::Tensor& x_NC,
                                   const BatchNormState& state,
                                   dist::World& world) {
  const at::Tensor weight_C =
      state.weight_C.defined() ? state.weight_C : at::ones_like(state.running_mean_C);
  const at::Tensor bias_C =
      state.bias_C.defined() ? state.bias_C : at::zeros_like(state.running_mean_C);
  return Normalize::apply(x_NC, weight_C, bias_C, &state, &world);
}

}  // namespace sslrun::ops
