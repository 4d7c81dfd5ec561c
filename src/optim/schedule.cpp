#include "optim/schedule.h"

#include <cmath>
#include <numbers>

namespace sslrun::optim {

Schedule::Schedule(const recipe::ScheduleConfig& config, double peak, std::int64_t steps_per_epoch)
    : peak_(peak),
      final_(config.final_lr),
      cosine_(config.decay == "cosine"),
      warmup_steps_(config.warmup_epochs * steps_per_epoch),
      total_steps_(config.epochs * steps_per_epoch) {}

double Schedule::lr(std::int64_t step) const {
  if (step < warmup_steps_) return peak_ * static_cast<double>(step) / static_cast<double>(warmup_steps_);
  if (!cosine_) return peak_;
  const double done = static_cast<double>(step - warmup_steps_) / static_cast<double>(total_steps_ - warmup_steps_);
  return final_ + (peak_ - final_) / 2 * (1 + std::cos(std::numbers::pi * done));
}

}  // namespace sslrun::optim
