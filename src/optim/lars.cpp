// source: the LARS class of facebookresearch/moco-v3 (moco/optimizer.py), which Barlow Twins and
// MAE share. For tensors of two or more dimensions d = g + wd w, then d *= trust |w| / |d| where
// both norms are above 0; for the others d = g. m = momentum m + d; w -= lr m: the learning rate
// stays outside the momentum. Separate norms: NVIDIA/apex apex/parallel/LARC.py and solo-learn
// solo/utils/lars.py divide by |g| + wd |w| + 1e-8 and leave d = g where |w| or |g| is 0.
#include "base/error.h"
#include "optim/lars_config.h"
#include "optim/optimizer.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/_foreach_add.h>
#include <ATen/ops/_foreach_mul.h>
#include <ATen/ops/_foreach_norm.h>
#include <ATen/ops/ones_like.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/where.h>

namespace sslrun::optim {
namespace {

constexpr double kSeparateEps = 1e-8;

class Lars final : public Optimizer {
 public:
  Lars(const LarsConfig& config, std::vector<Trained> parameters)
      : Optimizer(std::move(parameters), {"momentum"}), config_(config) {}

  double weight_decay(double) const override { return config_.weight_decay; }

  double momentum() const override { return config_.momentum; }

 private:
  bool update(Group& group, const GroupStep& step) override {
    const double lr = step.lr * (group.matrices ? 1 : config_.lr_scale_1d);
    const bool adapt = group.matrices || !config_.exclude_1d;
    at::_foreach_mul_(group.slots[0], config_.momentum);
    at::_foreach_add_(group.slots[0], adapt ? adapted(group, lr) : group.gradients);
    at::_foreach_add_(group.parameters, group.slots[0], -lr);
    return false;
  }

  /// The decayed gradients, scaled. Factors are computed where the tensors lie, so a GPU is not
  /// waited for.
  std::vector<at::Tensor> adapted(const Group& group, double lr) const {
    const bool joint = config_.trust_ratio == "joint";
    std::vector<at::Tensor> directions =
        at::_foreach_add(group.gradients, group.parameters, config_.weight_decay);
    const at::Tensor norm_P = at::stack(at::_foreach_norm(group.parameters)),
                     length_P = at::stack(at::_foreach_norm(joint ? directions : group.gradients));
    const at::Tensor divisor_P =
        joint ? length_P : length_P + norm_P * config_.weight_decay + kSeparateEps;
    at::Tensor ratio_P = norm_P.mul(config_.trust_coefficient).div_(divisor_P);
    if (config_.clip_lr) ratio_P = ratio_P.div_(lr).clamp_max_(1);
    const at::Tensor both_P = norm_P.gt(0).logical_and_(length_P.gt(0));
    at::_foreach_mul_(directions, at::where(both_P, ratio_P, at::ones_like(ratio_P)).unbind());
    if (joint) return directions;
    const std::vector<at::Tensor> both = both_P.unbind();
    for (std::size_t i = 0; i < both.size(); ++i)
      directions[i] = at::where(both[i], directions[i], group.gradients[i]);
    return directions;
  }

  LarsConfig config_;
};

}  // namespace

std::unique_ptr<Optimizer> make_lars(const config::Component& config,
                                     std::vector<Trained> parameters) {
  const auto* lars = dynamic_cast<const LarsConfig*>(&config);
  check_invariant(lars != nullptr, "LARS is made from its own configuration");
  return std::make_unique<Lars>(*lars, std::move(parameters));
}

}  // namespace sslrun::optim
