#pragma once
#include "config/component.h"

#include <optional>

namespace sslrun::optim {

/// Adam with decoupled weight decay; the learning rate's keys belong to the recipe.
struct AdamWConfig final : config::Component {
  double beta1 = 0.9;
  double beta2 = 0.999;
  double eps = 1e-8;
  double weight_decay = 0.05;
  std::optional<double> weight_decay_end;  // absent: it does not change
  bool decay_1d = false;

  void bind(config::Fields& fields) override;
};

}  // namespace sslrun::optim
