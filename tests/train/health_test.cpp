#include "train/health.h"

#include "tests/support/torch_catch.h"

#include <cmath>

using namespace sslrun::train;

TEST_CASE("collapse: twenty low steps in a row are told once, in words with what to change",
          "[train][health]") {
  CollapseWatch watch;
  const double healthy = 1 / std::sqrt(128.0);
  for (int step = 1; step <= 19; ++step) CHECK_FALSE(watch.observe(step, 0.01 * healthy, 128));
  const auto verdict = watch.observe(20, 0.01 * healthy, 128);
  REQUIRE(verdict);
  CHECK(verdict->find("collapsed") != std::string::npos);
  CHECK(verdict->find("optimizer.lr") != std::string::npos);
  CHECK_FALSE(watch.observe(21, 0.01 * healthy, 128));
}

TEST_CASE("collapse: one healthy step begins the count again", "[train][health]") {
  CollapseWatch watch;
  for (int step = 1; step <= 100; ++step)
    CHECK_FALSE(watch.observe(step, step % 20 == 0 ? 0.08 : 0.0, 128));
}

TEST_CASE("starving: told from a tenth of the time on, with the number of threads",
          "[train][health]") {
  CHECK_FALSE(starving_verdict(0.09, 2));
  const auto verdict = starving_verdict(0.4, 2);
  REQUIRE(verdict);
  CHECK(verdict->find("40 % of the time with 2 decode threads") != std::string::npos);
}
