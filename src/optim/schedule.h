#pragma once
#include "recipe/recipe.h"

#include <cstdint>

namespace sslrun::optim {

/// The learning rate of every step. S steps in all, the first W of them warm-up.
/// numerics  step s < W: peak * s / W, so the first step has 0; then "cosine": final + (peak - final) / 2 * (1 + cos(pi * (s - W) /
///           (S - W))), or "constant": peak.
/// source    SimCLR, BYOL, MoCo v3, MAE: their schedules agree.
class Schedule {
 public:
  Schedule(const recipe::ScheduleConfig& config, double peak, std::int64_t steps_per_epoch);

  /// step: 0 .. S - 1.
  double lr(std::int64_t step) const;

 private:
  double peak_, final_;
  bool cosine_;
  std::int64_t warmup_steps_, total_steps_;
};

}  // namespace sslrun::optim
