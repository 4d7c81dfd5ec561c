#include "optim/schedule.h"

#include "base/error.h"
#include "recipe/recipe.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace sslrun::optim {
namespace {

double final_rate(const recipe::ScheduleConfig& config, double peak) {
  if (config.decay != "cosine") return peak;
  return config.final_lr_share ? peak * *config.final_lr_share : config.final_lr;
}

double ratio(std::int64_t a, std::int64_t b) {
  return static_cast<double>(a) / static_cast<double>(b);
}

}  // namespace

double cosine(double from, double to, double share) {
  return to + 0.5 * (from - to) * (1.0 + std::cos(std::numbers::pi * share));
}

Schedule::Schedule(const recipe::ScheduleConfig& config, double peak, std::int64_t steps_per_epoch)
    : steps_(config.epochs * steps_per_epoch),
      warmup_steps_(config.warmup_epochs * steps_per_epoch),
      steps_per_epoch_(steps_per_epoch),
      first_step_(config.first_step),
      linspace_(config.warmup == "linspace"),
      by_epoch_(config.interval == "epoch"),
      start_(config.warmup_start_lr),
      peak_(peak),
      final_(final_rate(config, peak)),
      milestones_(config.milestones),
      gamma_(config.gamma) {
  check_invariant(steps_per_epoch >= 1 && config.epochs >= 1, "a schedule has steps");
  check_invariant(config.warmup_epochs >= 0 && config.warmup_epochs <= config.epochs,
                  "a warm-up fits in its run");
}

std::int64_t Schedule::number(std::int64_t step) const {
  check_invariant(step >= 0 && step <= steps_, "a step lies within its run");
  if (by_epoch_) step -= step % steps_per_epoch_;
  return std::clamp(step + first_step_, std::int64_t{0}, steps_);
}

double Schedule::lr(std::int64_t step) const {
  const std::int64_t s = number(step);
  if (s < warmup_steps_) {
    const std::int64_t last =
        linspace_ ? std::max<std::int64_t>(warmup_steps_ - 1, 1) : warmup_steps_;
    return start_ + (peak_ - start_) * ratio(s, last);
  }
  const auto passed = std::count_if(milestones_.begin(), milestones_.end(), [&](double epoch) {
    return static_cast<double>(s) >= epoch * static_cast<double>(steps_per_epoch_);
  });
  const double rate = peak_ * std::pow(gamma_, passed);
  if (steps_ == warmup_steps_ || final_ == peak_) return rate;
  return cosine(peak_, final_, ratio(s - warmup_steps_, steps_ - warmup_steps_));
}

StepRates Schedule::at(std::int64_t step) const {
  return {.lr = lr(step), .peak_lr = peak_, .share = ratio(number(step), steps_)};
}

}  // namespace sslrun::optim
