// source: You et al. 2020, arXiv:1904.00962, algorithm 2, as in timm 1.0 timm/optim/lamb.py: u =
// m / (1 - beta1^t) / (sqrt(v / (1 - beta2^t)) + eps) + wd w; w -= lr |w| / |u| u. The factor is 1
// where a norm is 0 and where wd is 0. timm also clips the gradient to a length of 1: the recipe's
// optimizer.clip does that.
#include "base/error.h"
#include "optim/lamb_config.h"
#include "optim/optimizer.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/_foreach_add.h>
#include <ATen/ops/_foreach_addcmul.h>
#include <ATen/ops/_foreach_div.h>
#include <ATen/ops/_foreach_mul.h>
#include <ATen/ops/_foreach_norm.h>
#include <ATen/ops/_foreach_sqrt.h>
#include <ATen/ops/ones_like.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/where.h>

#include <cmath>

namespace sslrun::optim {
namespace {

class Lamb final : public Optimizer {
 public:
  Lamb(const LambConfig& config, std::vector<Trained> parameters)
      : Optimizer(std::move(parameters), {"exp_avg", "exp_avg_sq"}), config_(config) {}

  double weight_decay(double) const override { return config_.weight_decay; }

  double momentum() const override { return config_.beta1; }

 private:
  bool update(Group& group, const GroupStep& step) override {
    const bool decay = (group.matrices || config_.decay_1d) && config_.weight_decay > 0;
    std::vector<at::Tensor> directions = adam(group, static_cast<double>(step.count));
    if (decay) {
      at::_foreach_add_(directions, group.parameters, config_.weight_decay);
      const at::Tensor norm_P = at::stack(at::_foreach_norm(group.parameters)),
                       length_P = at::stack(at::_foreach_norm(directions));
      const at::Tensor both_P = norm_P.gt(0).logical_and_(length_P.gt(0));
      at::_foreach_mul_(directions,
                        at::where(both_P, norm_P / length_P, at::ones_like(norm_P)).unbind());
    }
    at::_foreach_add_(group.parameters, directions, -step.lr);
    return false;
  }

  std::vector<at::Tensor> adam(Group& group, double count) const {
    at::_foreach_mul_(group.slots[0], config_.beta1);
    at::_foreach_add_(group.slots[0], group.gradients, 1 - config_.beta1);
    at::_foreach_mul_(group.slots[1], config_.beta2);
    at::_foreach_addcmul_(group.slots[1], group.gradients, group.gradients, 1 - config_.beta2);
    std::vector<at::Tensor> divisors = at::_foreach_sqrt(group.slots[1]);
    at::_foreach_div_(divisors, std::sqrt(1 - std::pow(config_.beta2, count)));
    at::_foreach_add_(divisors, config_.eps);
    std::vector<at::Tensor> directions =
        at::_foreach_div(group.slots[0], 1 - std::pow(config_.beta1, count));
    at::_foreach_div_(directions, divisors);
    return directions;
  }

  LambConfig config_;
};

}  // namespace

std::unique_ptr<Optimizer> make_lamb(const config::Component& config,
                                     std::vector<Trained> parameters) {
  const auto* lamb = dynamic_cast<const LambConfig*>(&config);
  check_invariant(lamb != nullptr, "LAMB is made from its own configuration");
  return std::make_unique<Lamb>(*lamb, std::move(parameters));
}

}  // namespace sslrun::optim
