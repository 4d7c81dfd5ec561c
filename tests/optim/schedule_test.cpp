#include "optim/schedule.h"

#include "recipe/recipe.h"
#include "tests/support/catch.h"

#include <algorithm>
#include <cmath>
#include <vector>

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

namespace {

const double kPi = std::acos(-1.0);

struct Point {
  std::int64_t step;
  double lr;
};

void check(const recipe::ScheduleConfig& config,
           double peak,
           std::int64_t steps_per_epoch,
           const std::vector<Point>& points) {
  const optim::Schedule schedule(config, peak, steps_per_epoch);
  for (const Point& p : points) {
    INFO("step " << p.step);
    CHECK(std::abs(schedule.lr(p.step) - p.lr) < kTolerance * std::max(peak, 1.0));
  }
}

/// final + (base - final) (1 + cos(pi i / n)) / 2
double half_cosine(double base, double final_lr, double i, double n) {
  return final_lr + 0.5 * (base - final_lr) * (1 + std::cos(kPi * i / n));
}

}  // namespace

// The formulas below are those of the official code, each written out as it stands there.

TEST_CASE("schedule: DINO's linspace reaches the peak a step early and repeats it",
          "[optim][schedule]") {
  // dino utils.py cosine_scheduler(1, 0.001, epochs 100, 1 step an epoch, warmup_epochs 10):
  // concatenate(linspace(0, 1, 10), 0.001 + 0.5 (1 - 0.001) (1 + cos(pi arange(90) / 90))).
  check({.epochs = 100, .warmup_epochs = 10, .warmup = "linspace", .final_lr = 0.001},
        1.0,
        1,
        {{0, 0}, {5, 5.0 / 9}, {9, 1}, {10, 1}, {55, 0.5005}, {99, half_cosine(1, 0.001, 89, 90)}});
}

TEST_CASE("schedule: SwAV and solo-learn start their warm-up above 0", "[optim][schedule]") {
  // swav main_swav.py: linspace(start_warmup, base_lr, len * warmup_epochs), then a cosine over the
  // rest to final_lr.
  check({.epochs = 100,
         .warmup_epochs = 10,
         .warmup = "linspace",
         .warmup_start_lr = 0.3,
         .final_lr = 0.0048},
        4.8,
        3,
        {{0, 0.3},
         {12, 0.3 + 12 * 4.5 / 29},
         {29, 4.8},
         {30, 4.8},
         {150, half_cosine(4.8, 0.0048, 120, 270)},
         {299, half_cosine(4.8, 0.0048, 269, 270)}});
  // solo-learn solo/utils/lr_scheduler.py, closed form: start + s (base - start) / (W - 1).
  check({.epochs = 50, .warmup_epochs = 10, .warmup = "linspace", .warmup_start_lr = 3e-5},
        0.4,
        2,
        {{0, 3e-5},
         {7, 3e-5 + 7 * (0.4 - 3e-5) / 19},
         {19, 0.4},
         {20, 0.4},
         {60, half_cosine(0.4, 0, 40, 80)},
         {99, half_cosine(0.4, 0, 79, 80)}});
}

TEST_CASE("schedule: I-JEPA counts its first step as 1, for the rate and the weight decay",
          "[optim][schedule]") {
  // ijepa src/utils/schedulers.py: _step += 1 before the formulas, warmup 2e-4 -> 1e-3 over W.
  const recipe::ScheduleConfig config{
      .epochs = 30, .warmup_epochs = 4, .warmup_start_lr = 2e-4, .final_lr = 1e-6, .first_step = 1};
  check(config,
        1e-3,
        10,
        {{0, 2e-4 + 8e-4 / 40},
         {20, 2e-4 + 21 * 8e-4 / 40},
         {39, 1e-3},
         {40, half_cosine(1e-3, 1e-6, 1, 260)},
         {200, half_cosine(1e-3, 1e-6, 161, 260)},
         {299, 1e-6}});
  const optim::Schedule schedule(config, 1e-3, 10);
  for (const std::int64_t s : {0, 75, 150, 225, 299}) {
    const double wd = optim::cosine(0.04, 0.4, schedule.at(s).share);
    CHECK(wd == Approx(half_cosine(0.04, 0.4, static_cast<double>(s + 1), 300)).epsilon(1e-14));
  }
}

TEST_CASE("schedule: SimMIM's second step has the rate of the first", "[optim][schedule]") {
  // microsoft/SimMIM main_simmim.py: lr_scheduler.step_update(epoch * num_steps + idx) after the step.
  check({.epochs = 30,
         .warmup_epochs = 4,
         .warmup_start_lr = 2e-6,
         .decay = "step",
         .milestones = {20},
         .first_step = -1},
        4e-4,
        10,
        {{0, 2e-6},
         {1, 2e-6},
         {21, 2e-6 + 20 * (4e-4 - 2e-6) / 40},
         {41, 4e-4},
         {200, 4e-4},
         {201, 4e-5},
         {299, 4e-5}});
}

TEST_CASE("schedule: DINO's weight decay moves over all steps, without a warm-up",
          "[optim][schedule]") {
  const optim::Schedule schedule(
      {.epochs = 100, .warmup_epochs = 10, .warmup = "linspace", .final_lr = 1e-6}, 5e-4, 4);
  for (const std::int64_t s : {0, 39, 100, 200, 399}) {
    const double wd = optim::cosine(0.04, 0.4, schedule.at(s).share);
    CHECK(wd == Approx(half_cosine(0.04, 0.4, static_cast<double>(s), 400)).epsilon(1e-14));
  }
  CHECK(schedule.at(7).lr == schedule.lr(7));
  CHECK(schedule.at(7).peak_lr == 5e-4);
}

TEST_CASE("schedule: MoCo v2 and SimSiam change the rate by the epoch", "[optim][schedule]") {
  // main_moco.py and main_simsiam.py: lr * 0.5 * (1 + cos(pi * epoch / epochs)).
  const auto at_epoch = [](double epoch) { return 0.03 * 0.5 * (1 + std::cos(kPi * epoch / 200)); };
  check({.epochs = 200, .warmup_epochs = 0, .interval = "epoch"},
        0.03,
        5,
        {{0, 0.03}, {4, 0.03}, {5, at_epoch(1)}, {504, at_epoch(100)}, {999, at_epoch(199)}});
}

TEST_CASE("schedule: MoCo v1 and RotNet drop the rate at epochs", "[optim][schedule]") {
  check({.epochs = 200, .warmup_epochs = 0, .decay = "step", .milestones = {120, 160}},
        0.03,
        7,
        {{0, 0.03}, {839, 0.03}, {840, 0.003}, {1119, 0.003}, {1120, 0.0003}});
  check({.epochs = 200,
         .warmup_epochs = 0,
         .decay = "step",
         .milestones = {60, 120, 160},
         .gamma = 0.2},
        0.1,
        1,
        {{0, 0.1}, {59, 0.1}, {60, 0.02}, {120, 0.004}, {199, 0.0008}});
}

TEST_CASE("schedule: Barlow Twins and VICReg end at a thousandth of the peak",
          "[optim][schedule]") {
  // barlowtwins main.py adjust_learning_rate: q = 0.5 (1 + cos(pi step / max_steps)); base q + end (1 - q).
  const auto rate = [](double step) {
    const double q = 0.5 * (1 + std::cos(kPi * step / 990));
    return 1.6 * q + 0.0016 * (1 - q);
  };
  check({.epochs = 1000, .warmup_epochs = 10, .final_lr_share = 0.001},
        1.6,
        1,
        {{0, 0}, {5, 0.8}, {10, 1.6}, {505, rate(495)}, {999, rate(989)}});
}
