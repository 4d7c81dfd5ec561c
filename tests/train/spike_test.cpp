#include "train/spike.h"

#include "base/philox.h"
#include "tests/support/torch_catch.h"

#include <cmath>
#include <optional>
#include <string>

using namespace sslrun;

namespace {

/// Falling loss with noise, as training has it.
struct Training {
  train::SpikeWatch watch;
  Rng rng{0, Purpose::kProbe, 0, 0, 0};
  std::int64_t step = 0;
  int told = 0;
  std::string last;

  void steps(std::int64_t count, double loss_factor = 1, double norm_factor = 1) {
    for (std::int64_t i = 0; i < count; ++i) {
      ++step;
      const double usual = 4 * std::exp(-static_cast<double>(step) / 400) + 1;
      const double loss = usual + 0.05 * rng.normal(), norm = std::exp(0.3 * rng.normal());
      if (const auto verdict = watch.observe(step, loss_factor * loss, norm_factor * norm)) {
        ++told;
        last = *verdict;
      }
    }
  }
};

}  // namespace

TEST_CASE("spike: training that goes as it should is left alone, and so is one bad batch",
          "[train][spike]") {
  Training t;
  t.steps(1000);
  t.steps(1, 5, 100);
  t.steps(1000);
  t.steps(3, 5, 100);
  t.steps(1000);
  CHECK(t.told == 0);
}

TEST_CASE("spike: a loss that leaps for four steps is told once, with both figures",
          "[train][spike]") {
  Training t;
  t.steps(500);
  t.steps(30, 3);
  CHECK(t.told == 1);
  CHECK_THAT(t.last,
             Catch::Contains("the loss leaps: at step 504, for 4 steps") &&
                 Catch::Contains("was usual") && Catch::Contains("optimizer.lr"));
  t.steps(300);
  t.steps(30, 3);
  CHECK(t.told == 2);
}

TEST_CASE("spike: a gradient that leaps while the loss does not is told too", "[train][spike]") {
  Training t;
  t.steps(500);
  t.steps(10, 1, 1000);
  CHECK(t.told == 1);
  CHECK_THAT(t.last, Catch::Contains("the gradient leaps"));
}

TEST_CASE("spike: a loss that falls, or is negative, is no spike", "[train][spike]") {
  train::SpikeWatch watch;
  for (std::int64_t step = 1; step <= 500; ++step)
    CHECK(!watch.observe(step, step < 300 ? -0.5 : -0.95, 1));
}

TEST_CASE("spike: an epoch in which nothing is learnt is nothing to leap from", "[train][spike]") {
  train::SpikeWatch watch;
  for (std::int64_t step = 1; step <= 200; ++step)
    CHECK(!watch.observe(step, step <= 100 ? 0 : 3, step <= 100 ? 0 : 1));
}
