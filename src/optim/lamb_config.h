#pragma once
#include "config/component.h"

namespace sslrun::optim {

/// Layer-wise adaptive moments; the learning rate's keys belong to the recipe.
struct LambConfig final : config::Component {
  double beta1 = 0.9;
  double beta2 = 0.999;
  double eps = 1e-6;
  double weight_decay = 0.01;
  bool decay_1d = false;

  void bind(config::Fields& fields) override;
};

}  // namespace sslrun::optim
