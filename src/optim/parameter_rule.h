#pragma once
#include <cstdint>

namespace sslrun::optim {

/// How one parameter moves where it differs from what the optimizer's keys say of all.
struct ParameterRule {
  double lr_scale = 1;       // times the learning rate
  bool constant_lr = false;  // the peak learning rate in every step, no schedule
  /// For so many steps at the start it keeps its value and the optimizer does not look at its
  /// gradient: its moments and their bias correction begin afterwards, as in PyTorch where .grad is
  /// None (DINO's last layer).
  std::int64_t frozen_steps = 0;
  /// For so many steps at the start its learning rate is 0 while its moments run (DINOv2's last
  /// layer).
  std::int64_t zero_lr_steps = 0;

  bool operator==(const ParameterRule&) const = default;
};

}  // namespace sslrun::optim
