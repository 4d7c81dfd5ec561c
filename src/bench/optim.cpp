// An optimizer's step with what follows it, on the parameters of a ResNet-18.
#include "base/error.h"
#include "base/philox.h"
#include "bench/case.h"
#include "config/component.h"
#include "encoders/encoder.h"
#include "encoders/encoder_configs.h"
#include "ops/adamw_ema.h"
#include "ops/step.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/_foreach_add.h>
#include <ATen/ops/_foreach_copy.h>
#include <ATen/ops/_foreach_mul.h>
#include <ATen/ops/_fused_adamw.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/full.h>
#include <ATen/ops/zeros_like.h>
#include <torch/version.h>

#include <fmt/format.h>

#include <memory>

namespace sslrun::bench {
namespace {

constexpr ops::AdamWEmaKeys kKeys{.lr = 1e-3,
                                  .beta1 = 0.9,
                                  .beta2 = 0.999,
                                  .eps = 1e-8,
                                  .weight_decay = 0.05,
                                  .count = 10,
                                  .tau = 0.996};

/// A network's parameters with gradients and moments, a follower and a copy in bfloat16.
ops::AdamWEmaTensors make_tensors() {
  const at::NoGradGuard no_grad;
  const auto encoder = encoders::make_encoder(
      config::make_component(encoders::encoder_specs(), "resnet18"), /*seed=*/0);
  ops::AdamWEmaTensors out;
  std::uint32_t ordinal = 0;
  for (const auto& [name, parameter] : encoder->named_parameters()) {
    const at::Tensor w = parameter.detach(), g = at::empty_like(w);
    Rng rng(0, Purpose::kProbe, 0, ordinal++, 0);
    for (std::int64_t i = 0; i < g.numel(); ++i)
      g.mutable_data_ptr<float>()[i] = static_cast<float>(0.01 * rng.normal());
    out.parameters.push_back(w);
    out.gradients.push_back(g);
    out.exp_avgs.push_back(at::zeros_like(w));
    out.exp_avg_sqs.push_back(at::zeros_like(w));
    out.followers.push_back(w.clone());
    out.halves.push_back(w.to(at::kBFloat16));
  }
  return out;
}

/// The same with LibTorch's fastest: one fused step, two passes for the average, one for the copies.
void by_libtorch(const ops::AdamWEmaTensors& t) {
  const at::NoGradGuard no_grad;
  const std::vector<at::Tensor> counts(
      t.parameters.size(), at::full({}, kKeys.count, at::device(at::kCPU).dtype(at::kFloat)));
  at::_fused_adamw_(t.parameters,
                    t.gradients,
                    t.exp_avgs,
                    t.exp_avg_sqs,
                    /*max_exp_avg_sqs=*/{},
                    counts,
                    kKeys.lr,
                    kKeys.beta1,
                    kKeys.beta2,
                    kKeys.weight_decay,
                    kKeys.eps,
                    /*amsgrad=*/false,
                    /*maximize=*/false);
  at::_foreach_mul_(t.followers, kKeys.tau);
  at::_foreach_add_(t.followers, t.parameters, 1 - kKeys.tau);
  at::_foreach_copy_(t.halves, t.parameters);
}

Prepared prepare(const CaseSettings&) {
  const auto ours = std::make_shared<ops::AdamWEmaTensors>(make_tensors()),
             theirs = std::make_shared<ops::AdamWEmaTensors>(make_tensors());
  ops::adamw_ema_(*ours, kKeys);
  by_libtorch(*theirs);
  double worst = 0;
  std::int64_t elements = 0;
  for (std::size_t i = 0; i < ours->parameters.size(); ++i) {
    elements += ours->parameters[i].numel();
    for (const auto& [a, b] : {std::pair(ours->parameters[i], theirs->parameters[i]),
                               std::pair(ours->followers[i], theirs->followers[i])})
      worst = std::max(worst, ops::value((a - b).abs().max()));
  }
  if (!(worst <= 1e-6))
    throw NumericsError(fmt::format("bench: both steps must agree to 1e-6, got {:.1e}", worst));
  return {
      .contenders =
          {{.tool = "sslrun", .suffix = "", .once = [ours] { ops::adamw_ema_(*ours, kKeys); }},
           {.tool = "libtorch", .suffix = "_fused", .once = [theirs] { by_libtorch(*theirs); }}},
      .note = fmt::format("{:.1f} M parameters; largest difference {:.1e}",
                          static_cast<double>(elements) / 1e6,
                          worst),
      .versions = {{"libtorch", TORCH_VERSION}}};
}

}  // namespace

extern const Case case_adamw_ema_rn18{
    "adamw_ema_rn18",
    "optim",
    "ms",
    "AdamW, moving average and bfloat16 copy of a ResNet-18's parameters",
    Memory::kExtra,
    prepare};

}  // namespace sslrun::bench
