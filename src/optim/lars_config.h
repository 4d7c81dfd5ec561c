#pragma once
#include "config/component.h"

namespace sslrun::optim {

/// Layer-wise adaptive rate scaling; the learning rate's keys belong to the recipe.
struct LarsConfig final : config::Component {
  double momentum = 0.9;
  double trust_coefficient = 1e-3;
  double weight_decay = 1e-6;

  void bind(config::Fields& fields) override;
};

}  // namespace sslrun::optim
