#include "optim/schedule.h"

#include "recipe/recipe.h"
#include "tests/support/catch.h"

#include <cmath>

namespace {

using namespace sslrun;

// Twice the rounding of the formula's last operation: both sides are float64.
constexpr double kTolerance = 1e-15;

/// f + (b - f)(1 + cos(pi i / n)) / 2 in extended precision, after a ramp of `warmup` steps from 0.
double expected(std::int64_t s,
                std::int64_t steps,
                std::int64_t warmup,
                long double peak,
                long double final_lr) {
  if (s < warmup) return static_cast<double>(peak * s / warmup);
  const long double pi = 3.14159265358979323846264338327950288L;
  return static_cast<double>(
      final_lr + (peak - final_lr) * (1 + std::cos(pi * (s - warmup) / (steps - warmup))) / 2);
}

}  // namespace

TEST_CASE("schedule: warm-up and cosine follow their formulas at every step", "[optim][schedule]") {
  const std::int64_t steps_per_epoch = GENERATE(1, 7, 64);
  const std::int64_t warmup_epochs = GENERATE(0, 1, 9);
  const double final_lr = GENERATE(0.0, 0.001);
  const recipe::ScheduleConfig config{
      .epochs = 10, .warmup_epochs = warmup_epochs, .decay = "cosine", .final_lr = final_lr};
  const optim::Schedule schedule(config, 0.3, steps_per_epoch);
  const std::int64_t steps = 10 * steps_per_epoch, warmup = warmup_epochs * steps_per_epoch;
  CHECK(schedule.steps() == steps);
  for (std::int64_t s = 0; s <= steps; ++s) {
    CHECK(std::abs(schedule.lr(s) - expected(s, steps, warmup, 0.3, final_lr)) < kTolerance);
  }
  if (warmup > 0) CHECK(schedule.lr(0) == 0);
  CHECK(schedule.lr(warmup) == 0.3);
  CHECK(schedule.lr(steps) == Approx(final_lr).margin(1e-16));
}

TEST_CASE("schedule: constant keeps the peak after the warm-up, final_lr is unused",
          "[optim][schedule]") {
  const recipe::ScheduleConfig config{
      .epochs = 4, .warmup_epochs = 2, .decay = "constant", .final_lr = 0.1};
  const optim::Schedule schedule(config, 2.0, 5);
  CHECK(schedule.lr(1) == Approx(0.2));
  CHECK(schedule.lr(9) == Approx(1.8));
  for (std::int64_t s = 10; s <= 20; ++s) CHECK(schedule.lr(s) == 2.0);
}

TEST_CASE("schedule: a run that is warm-up alone ends at the peak", "[optim][schedule]") {
  const optim::Schedule schedule(
      {.epochs = 3, .warmup_epochs = 3, .decay = "cosine", .final_lr = 0}, 0.6, 2);
  CHECK(schedule.lr(5) == Approx(0.5));
  CHECK(schedule.lr(6) == 0.6);
}

TEST_CASE("schedule: a step outside the run is a bug", "[optim][schedule]") {
  const optim::Schedule schedule(
      {.epochs = 3, .warmup_epochs = 0, .decay = "cosine", .final_lr = 0}, 0.6, 2);
  CHECK_THROWS(schedule.lr(-1));
  CHECK_THROWS(schedule.lr(7));
}
