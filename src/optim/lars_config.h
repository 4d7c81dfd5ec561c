#pragma once
#include "config/component.h"

#include <string>

namespace sslrun::optim {

/// Layer-wise adaptive rate scaling; the learning rate's keys belong to the recipe.
struct LarsConfig final : config::Component {
  double momentum = 0.9;
  double trust_coefficient = 1e-3;
  std::string trust_ratio = "joint";
  bool clip_lr = false;
  double weight_decay = 1e-6;
  bool exclude_1d = true;
  double lr_scale_1d = 1;

  void bind(config::Fields& fields) override;
};

}  // namespace sslrun::optim
