// source: torch.optim.SGD of PyTorch 2.11: d = g + wd w; m = momentum m + d; w -= lr (nesterov ? d
// + momentum m : m).
#include "base/error.h"
#include "optim/optimizer.h"
#include "optim/sgd_config.h"

#include <ATen/ops/_fused_sgd.h>

namespace sslrun::optim {
namespace {

class Sgd final : public Optimizer {
 public:
  Sgd(const SgdConfig& config, std::vector<Trained> parameters)
      : Optimizer(std::move(parameters),
                  config.momentum > 0 ? slots() : std::vector<std::string>{}),
        config_(config) {}

  double weight_decay(double) const override { return config_.weight_decay; }

  double momentum() const override { return config_.momentum; }

 private:
  static std::vector<std::string> slots() { return {"momentum"}; }

  bool update(Group& group, const GroupStep& step) override {
    const bool decay = group.matrices || config_.decay_1d, momentum = config_.momentum > 0;
    // A buffer that starts at 0 makes the first step's buffer the gradient, as PyTorch's own first
    // step does.
    at::_fused_sgd_(group.parameters,
                    group.gradients,
                    momentum ? at::TensorList(group.slots[0]) : at::TensorList(),
                    decay ? config_.weight_decay : 0.0,
                    config_.momentum,
                    step.lr,
                    /*dampening=*/0.0,
                    config_.nesterov && momentum,
                    /*maximize=*/false,
                    /*is_first_step=*/false);
    return false;
  }

  SgdConfig config_;
};

}  // namespace

std::unique_ptr<Optimizer> make_sgd(const config::Component& config,
                                    std::vector<Trained> parameters) {
  const auto* sgd = dynamic_cast<const SgdConfig*>(&config);
  check_invariant(sgd != nullptr, "SGD is made from its own configuration");
  return std::make_unique<Sgd>(*sgd, std::move(parameters));
}

}  // namespace sslrun::optim
