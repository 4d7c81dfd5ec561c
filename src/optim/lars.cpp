// source: the LARS class of facebookresearch/moco-v3 (moco/optimizer.py), which Barlow Twins and
// MAE share. For tensors of two or more dimensions d = g + wd w, then d *= trust |w| / |d| where
// both norms are above 0; for the others d = g. m = momentum m + d; w -= lr m: the learning rate
// stays outside the momentum.
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

class Lars final : public Optimizer {
 public:
  Lars(const LarsConfig& config, std::vector<Trained> parameters)
      : Optimizer(std::move(parameters), {"momentum"}), config_(config) {}

 private:
  void update(Group& group, const GroupStep& step) override {
    std::vector<at::Tensor> directions = group.gradients;
    if (group.matrices) {
      directions = at::_foreach_add(group.gradients, group.parameters, config_.weight_decay);
      at::_foreach_mul_(directions, ratios(group.parameters, directions));
    }
    at::_foreach_mul_(group.slots[0], config_.momentum);
    at::_foreach_add_(group.slots[0], directions);
    at::_foreach_add_(group.parameters, group.slots[0], -step.lr);
  }

  /// One 0-dim factor per tensor; computed where the tensors lie, so a GPU is not waited for.
  std::vector<at::Tensor> ratios(const std::vector<at::Tensor>& parameters,
                                 const std::vector<at::Tensor>& directions) const {
    const at::Tensor norm_P = at::stack(at::_foreach_norm(parameters)),
                     length_P = at::stack(at::_foreach_norm(directions));
    const at::Tensor scale_P = norm_P.mul(config_.trust_coefficient).div_(length_P);
    return at::where(norm_P.gt(0).logical_and_(length_P.gt(0)), scale_P, at::ones_like(scale_P))
        .unbind();
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
