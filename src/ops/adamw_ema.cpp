#include "ops/adamw_ema.h"

#include "base/error.h"
#include "kernels/optim/adamw_ema.h"
#include "ops/device.h"

namespace sslrun::ops {
namespace {

/// Item i of a list, or an undefined tensor where the list is empty or has none there.
at::Tensor item(const std::vector<at::Tensor>& list,
                std::size_t i,
                const at::Tensor& parameter,
                at::ScalarType type) {
  if (list.empty() || !list[i].defined()) return {};
  const at::Tensor& t = list[i];
  check_invariant(t.scalar_type() == type && t.sizes() == parameter.sizes() &&
                      t.strides() == parameter.strides() && t.device() == parameter.device(),
                  "adamw_ema_: what belongs to a parameter has its shape, strides and device");
  return t;
}

float* floats(const at::Tensor& t) {
  return t.defined() ? t.mutable_data_ptr<float>() : nullptr;
}

}  // namespace

void adamw_ema_(const AdamWEmaTensors& tensors, const AdamWEmaKeys& keys) {
  const std::size_t n = tensors.parameters.size();
  for (const auto* list : {&tensors.gradients, &tensors.exp_avgs, &tensors.exp_avg_sqs})
    check_invariant(list->size() == n, "adamw_ema_: every parameter has its gradient and moments");
  for (const auto* list : {&tensors.followers, &tensors.halves})
    check_invariant(list->empty() || list->size() == n, "adamw_ema_: one for each parameter");
  if (n == 0) return;
  std::vector<kernels::AdamWEmaArgs> args;
  for (std::size_t i = 0; i < n; ++i) {
    const at::Tensor& w = tensors.parameters[i];
    check_invariant(w.scalar_type() == at::kFloat && w.is_non_overlapping_and_dense() &&
                        w.device() == tensors.parameters[0].device(),
                    "adamw_ema_: parameters are dense, float32 and on one device");
    const at::Tensor half = item(tensors.halves, i, w, at::kBFloat16);
    args.push_back(
        {.weight = floats(w),
         .gradient = floats(item(tensors.gradients, i, w, at::kFloat)),
         .exp_avg = floats(item(tensors.exp_avgs, i, w, at::kFloat)),
         .exp_avg_sq = floats(item(tensors.exp_avg_sqs, i, w, at::kFloat)),
         .follower = floats(item(tensors.followers, i, w, at::kFloat)),
         .half = half.defined() ? static_cast<std::uint16_t*>(half.mutable_data_ptr()) : nullptr,
         .size = w.numel()});
  }
  const kernels::AdamWEmaStep step = kernels::adamw_ema_step(
      keys.lr, keys.beta1, keys.beta2, keys.eps, keys.weight_decay, keys.count, keys.tau);
  on_device(tensors.parameters[0], [&](auto device) { kernels::adamw_ema(args, step, device); });
}

}  // namespace sslrun::ops
