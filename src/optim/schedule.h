#pragma once
#include "optim/optimizer.h"

#include <cstdint>
#include <vector>

namespace sslrun::recipe {
struct ScheduleConfig;
}

namespace sslrun::optim {

/// to + (from - to) (1 + cos(pi share)) / 2: half a cosine, `from` at share 0 and `to` at 1.
double cosine(double from, double to, double share);

/// The learning rate of every step. S steps in all, W of warm-up, a step's number s as below.
///   warm-up, s < W: start + (peak - start) r; linear: r = s / W, so the peak comes with step W;
///     linspace: r = s / (W - 1), so the last step of the warm-up and step W both have it.
///   cosine, s >= W: cosine(peak, final, (s - W) / (S - W)), which would reach the final rate at
///     s = S, one step after the last. step: peak gamma^m with m milestones passed. constant: peak.
/// s counts from first_step, never below 0; with interval "epoch" it is that of the epoch's first step.
/// source    linear: SimCLR, BYOL, MoCo v3, MAE. linspace: DINO, SwAV, DINOv2, solo-learn. epoch:
///           MoCo v1 and v2, SimSiam. first_step 1: I-JEPA, src/utils/schedulers.py;
///           -1: SimMIM, main_simmim.py, which sets a rate after the step with its number.
class Schedule {
 public:
  /// peak: the rate at the end of the warm-up. steps_per_epoch >= 1.
  Schedule(const recipe::ScheduleConfig& config, double peak, std::int64_t steps_per_epoch);

  /// S, over all epochs.
  std::int64_t steps() const { return steps_; }

  /// The rate of a step, counted from 0; 0 <= step <= S.
  double lr(std::int64_t step) const;

  /// All that an optimizer takes from it in that step.
  StepRates at(std::int64_t step) const;

 private:
  std::int64_t number(std::int64_t step) const;

  std::int64_t steps_, warmup_steps_, steps_per_epoch_, first_step_;
  bool linspace_, by_epoch_;
  double start_, peak_, final_;  // peak and final the same where no cosine is
  std::vector<double> milestones_;
  double gamma_;
};

}  // namespace sslrun::optim
