// AdamW as torch.optim.AdamW: w -= lr * wd * w; then Adam with bias correction, eps outside the root.
#include "optim/adamw_config.h"
#include "optim/optimizer.h"

#include <ATen/core/grad_mode.h>

#include <cmath>

namespace sslrun::optim {
namespace {

class AdamW final : public Optimizer {
 public:
  AdamW(const AdamWConfig& config, nn::NamedTensors parameters)
      : Optimizer(std::move(parameters)),
        config_(config),
        mean_(add_state("exp_avg")),
        square_(add_state("exp_avg_sq")),
        steps_(add_scalar("steps")) {}

  void step(double lr) override {
    const at::NoGradGuard no_grad;
    const std::vector<at::Tensor> grads = gradients();
    const double steps = steps_.add_(1).item<double>();
    const double mean_correction = 1 - std::pow(config_.beta1, steps);
    const double root_correction = std::sqrt(1 - std::pow(config_.beta2, steps));
    for (std::size_t i = 0; i < grads.size(); ++i) {
      const at::Tensor& w = parameters()[i].second;
      if (w.dim() > 1 || config_.decay_1d) w.mul_(1 - lr * config_.weight_decay);
      mean_[i].lerp_(grads[i], 1 - config_.beta1);
      square_[i].mul_(config_.beta2).addcmul_(grads[i], grads[i], 1 - config_.beta2);
      w.addcdiv_(mean_[i], square_[i].sqrt().div_(root_correction).add_(config_.eps), -lr / mean_correction);
    }
  }

 private:
  AdamWConfig config_;
  std::vector<at::Tensor> mean_, square_;
  at::Tensor steps_;
};

}  // namespace

std::unique_ptr<Optimizer> make_optimizer_adamw(const config::Component& config, nn::NamedTensors parameters) {
  return std::make_unique<AdamW>(dynamic_cast<const AdamWConfig&>(config), std::move(parameters));
}

}  // namespace sslrun::optim
