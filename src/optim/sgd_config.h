#pragma once
#include "config/component.h"

namespace sslrun::optim {

/// Stochastic gradient descent with momentum; the learning rate's keys belong to the recipe.
struct SgdConfig final : config::Component {
  double momentum = 0.9;
  bool nesterov = false;
  double weight_decay = 1e-4;
  bool decay_1d = true;

  void bind(config::Fields& fields) override;
};

}  // namespace sslrun::optim
