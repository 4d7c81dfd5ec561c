#pragma once
#include "optim/optimizer.h"

#include <cstdint>

namespace sslrun::recipe {
struct ScheduleConfig;
}

namespace sslrun::optim {

/// The learning rate of every step. With S steps in all and W of warm-up: peak * s / W for s < W,
/// so the first step of a warm-up has rate 0; from W on, "cosine": final + (peak - final) (1 +
/// cos(pi (s - W) / (S - W))) / 2, which would reach final_lr at s = S, one step after the last;
/// "constant": peak.
/// source    SimCLR, BYOL, MoCo v3 and MAE share this warm-up and cosine.
class Schedule {
 public:
  /// peak: the rate at the end of the warm-up. steps_per_epoch >= 1.
  Schedule(const recipe::ScheduleConfig& config, double peak, std::int64_t steps_per_epoch);

  /// S, over all epochs.
  std::int64_t steps() const { return steps_; }

  /// The rate of step s, counted from 0; 0 <= s <= S.
  double lr(std::int64_t step) const;

  /// All that an optimizer takes from it in that step.
  StepRates at(std::int64_t step) const;

 private:
  std::int64_t steps_, warmup_steps_;
  double peak_, final_;  // the same where nothing decays
};

}  // namespace sslrun::optim
