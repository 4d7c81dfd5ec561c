// LARS: tensors of two or more dimensions: d = (g + wd * w) * eta * |w| / |g + wd * w|; biases and norms: d = g.
// m = mu * m + d; w -= lr * m.  source: facebookresearch/moco-v3 moco/optimizer.py, barlowtwins main.py (equal).
#include "optim/lars_config.h"
#include "optim/optimizer.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/ones_like.h>
#include <ATen/ops/where.h>

namespace sslrun::optim {
namespace {

class Lars final : public Optimizer {
 public:
  Lars(const LarsConfig& config, nn::NamedTensors parameters)
      : Optimizer(std::move(parameters)), config_(config), momentum_(add_state("momentum")) {}

  void step(double lr) override {
    const at::NoGradGuard no_grad;
    const std::vector<at::Tensor> grads = gradients();
    for (std::size_t i = 0; i < grads.size(); ++i) {
      const at::Tensor& w = parameters()[i].second;
      momentum_[i].mul_(config_.momentum).add_(w.dim() > 1 ? scaled(w, grads[i]) : grads[i]);
      w.sub_(momentum_[i], lr);
    }
  }

 private:
  /// The norms stay on the device: no wait for them.
  at::Tensor scaled(const at::Tensor& w, const at::Tensor& gradient) const {
    const at::Tensor d = gradient.add(w, config_.weight_decay);
    const at::Tensor w_norm = w.norm(), d_norm = d.norm();
    const at::Tensor ratio = w_norm * config_.trust_coefficient / d_norm;
    return d * at::where((w_norm > 0).logical_and(d_norm > 0), ratio, at::ones_like(ratio));
  }

  LarsConfig config_;
  std::vector<at::Tensor> momentum_;
};

}  // namespace

std::unique_ptr<Optimizer> make_optimizer_lars(const config::Component& config, nn::NamedTensors parameters) {
  return std::make_unique<Lars>(dynamic_cast<const LarsConfig&>(config), std::move(parameters));
}

}  // namespace sslrun::optim
