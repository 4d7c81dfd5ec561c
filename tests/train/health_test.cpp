#include "train/health.h"

#include "tests/support/torch_catch.h"

#include <cmath>
#include <vector>

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

TEST_CASE("bad images: a run goes on up to the fraction or a handful, and stops above both",
          "[train][health]") {
  const auto verdict = [](std::int64_t bad, std::int64_t images, double fraction) {
    std::vector<sslrun::data::BadSample> list;
    for (std::int64_t i = 0; i < bad; ++i)
      list.push_back({i, "x", i % 3 == 0 ? "truncated: cut" : "cannot be read: gone"});
    return bad_images_verdict(list, images, fraction, "runs/r/bad_images.jsonl");
  };
  CHECK_FALSE(verdict(0, 10, 0));
  CHECK(verdict(1, 1000, 0));
  CHECK_FALSE(verdict(4, 10, 0.05));
  CHECK(verdict(5, 10, 0.05));
  CHECK_FALSE(verdict(50, 1000, 0.05));
  CHECK_FALSE(verdict(1000, 1000, 1));
  const auto words = verdict(51, 1000, 0.05);
  REQUIRE(words);
  for (const char* phrase :
       {"at most 50 of 1000 images may be unusable (data.max_bad_fraction: 0.05), and 51 are: ",
        "cannot be read 34, truncated 17;",
        "runs/r/bad_images.jsonl",
        "raise data.max_bad_fraction"})
    CHECK(words->find(phrase) != std::string::npos);
}
