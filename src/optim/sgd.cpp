// SGD with momentum as torch.optim.SGD: g += wd * w; m = mu * m + g; w -= lr * (m, or g + mu * m with Nesterov).
#include "optim/optimizer.h"
#include "optim/sgd_config.h"

#include <ATen/core/grad_mode.h>

namespace sslrun::optim {
namespace {

class Sgd final : public Optimizer {
 public:
  Sgd(const SgdConfig& config, nn::NamedTensors parameters) : Optimizer(std::move(parameters)), config_(config) {
    if (config_.momentum > 0) momentum_ = add_state("momentum");
  }

  void step(double lr) override {
    const at::NoGradGuard no_grad;
    const std::vector<at::Tensor> grads = gradients();
    for (std::size_t i = 0; i < grads.size(); ++i) {
      const at::Tensor& w = parameters()[i].second;
      const double decay = w.dim() > 1 || config_.decay_1d ? config_.weight_decay : 0;
      const at::Tensor g = decay > 0 ? grads[i].add(w, decay) : grads[i];
      if (config_.momentum == 0) {
        w.sub_(g, lr);
        continue;
      }
      momentum_[i].mul_(config_.momentum).add_(g);
      w.sub_(config_.nesterov ? g.add(momentum_[i], config_.momentum) : momentum_[i], lr);
    }
  }

 private:
  SgdConfig config_;
  std::vector<at::Tensor> momentum_;
};

}  // namespace

std::unique_ptr<Optimizer> make_optimizer_sgd(const config::Component& config, nn::NamedTensors parameters) {
  return std::make_unique<Sgd>(dynamic_cast<const SgdConfig&>(config), std::move(parameters));
}

}  // namespace sslrun::optim
