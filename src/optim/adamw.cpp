// source: torch.optim.AdamW of PyTorch 2.11: w -= lr wd w; then Adam with bias correction, eps
// added to the root. A decay that changes: cosine_scheduler of facebookresearch/dino utils.py.
#include "base/error.h"
#include "ops/adamw_ema.h"
#include "optim/adamw_config.h"
#include "optim/optimizer.h"
#include "optim/schedule.h"

#include <ATen/ops/_fused_adamw.h>
#include <ATen/ops/full.h>

namespace sslrun::optim {
namespace {

class AdamW final : public Optimizer {
 public:
  AdamW(const AdamWConfig& config, std::vector<Trained> parameters)
      : Optimizer(std::move(parameters), {"exp_avg", "exp_avg_sq"}), config_(config) {}

  double weight_decay(double share) const override {
    return cosine(
        config_.weight_decay, config_.weight_decay_end.value_or(config_.weight_decay), share);
  }

  double momentum() const override { return config_.beta1; }

 private:
  bool update(Group& group, const GroupStep& step) override {
    const double decay = group.matrices || config_.decay_1d ? weight_decay(step.share) : 0.0;
    const at::Tensor& first = group.parameters[0];
    const bool by_kernel = first.is_cpu() || !group.followers.empty();
    if (by_kernel && first.scalar_type() == at::kFloat) {
      ops::adamw_ema_({.parameters = group.parameters,
                       .gradients = group.gradients,
                       .exp_avgs = group.slots[0],
                       .exp_avg_sqs = group.slots[1],
                       .followers = group.followers},
                      {.lr = step.lr,
                       .beta1 = config_.beta1,
                       .beta2 = config_.beta2,
                       .eps = config_.eps,
                       .weight_decay = decay,
                       .count = step.count,
                       .tau = step.tau});
      return true;
    }
    // The operator reads one count per parameter, from where the parameter lies; float32 counts
    // exactly up to 2^24.
    const at::Tensor count =
        at::full({}, step.count, first.options().dtype(at::kFloat).requires_grad(false));
    const std::vector<at::Tensor> counts(group.parameters.size(), count);
    at::_fused_adamw_(group.parameters,
                      group.gradients,
                      group.slots[0],
                      group.slots[1],
                      /*max_exp_avg_sqs=*/{},
                      counts,
                      step.lr,
                      config_.beta1,
                      config_.beta2,
                      decay,
                      config_.eps,
                      /*amsgrad=*/false,
                      /*maximize=*/false);
    return false;
  }

  AdamWConfig config_;
};

}  // namespace

std::unique_ptr<Optimizer> make_adamw(const config::Component& config,
                                      std::vector<Trained> parameters) {
  const auto* adamw = dynamic_cast<const AdamWConfig*>(&config);
  check_invariant(adamw != nullptr, "AdamW is made from its own configuration");
  return std::make_unique<AdamW>(*adamw, std::move(parameters));
}

}  // namespace sslrun::optim
