#include "optim/schedule.h"

#include "base/error.h"
#include "recipe/recipe.h"

#include <cmath>
#include <numbers>

namespace sslrun::optim {

Schedule::Schedule(const recipe::ScheduleConfig& config, double peak, std::int64_t steps_per_epoch)
    : steps_(config.epochs * steps_per_epoch),
      warmup_steps_(config.warmup_epochs * steps_per_epoch),
      peak_(peak),
      final_(config.decay == "cosine" ? config.final_lr : peak) {
  check_invariant(steps_per_epoch >= 1 && config.epochs >= 1, "a schedule has steps");
  check_invariant(config.warmup_epochs >= 0 && config.warmup_epochs <= config.epochs,
                  "a warm-up fits in its run");
  check_invariant(config.decay == "cosine" || config.decay == "constant",
                  "a decay is one that the recipe lists");
}

double Schedule::lr(std::int64_t step) const {
  check_invariant(step >= 0 && step <= steps_, "a step lies within its run");
  if (step < warmup_steps_)
    return peak_ * static_cast<double>(step) / static_cast<double>(warmup_steps_);
  if (steps_ == warmup_steps_) return peak_;
  const double part =
      static_cast<double>(step - warmup_steps_) / static_cast<double>(steps_ - warmup_steps_);
  return final_ + 0.5 * (peak_ - final_) * (1.0 + std::cos(std::numbers::pi * part));
}

StepRates Schedule::at(std::int64_t step) const {
  return {.lr = lr(step),
          .peak_lr = peak_,
          .share = static_cast<double>(step) / static_cast<double>(steps_)};
}

}  // namespace sslrun::optim
