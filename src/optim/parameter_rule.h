#pragma once
#include <cstdint>

namespace sslrun::optim {

/// How one parameter moves where it differs from what the optimizer's keys say of all.
struct ParameterRule {
  double lr_scale = 1;            // times the learning rate
  bool constant_lr = false;       // the peak learning rate in every step, no schedule
  std::int64_t frozen_steps = 0;  // stays as it is for so many steps at the start
};

}  // namespace sslrun::optim
