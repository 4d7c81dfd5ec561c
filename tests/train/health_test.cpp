#include "train/health.h"

#include "tests/support/torch_catch.h"
#include "train/image_cache.h"

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

TEST_CASE("starving: told from a tenth of the time on, with the slowest stage and its remedy",
          "[train][health]") {
  const sslrun::data::Stages stages{.read_s = 1, .decode_s = 7, .augment_s = 2, .images = 1000};
  CHECK_FALSE(starving_verdict(0.09, stages, {}));
  CHECK_FALSE(starving_verdict(0.4, {}, {}));  // nothing was made yet
  const auto verdict = starving_verdict(0.4, stages, {.threads = 2, .processors = 8});
  REQUIRE(verdict);
  CHECK_THAT(*verdict, Catch::Contains("waits for images 40 % of the time; decode takes 70 %"));
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

TEST_CASE("cache: that it is full is told with what would hold all images", "[train][health]") {
  CHECK_FALSE(full_cache_verdict({.images = 7, .refused = 0, .bytes = 100}, 10, "ram"));
  CHECK(full_cache_verdict({.images = 200, .refused = 1, .bytes = 2'000'000'000}, 1000, "ram") ==
        "data.cache: 200 of 1000 images are kept and its 2.0 GB are used up; the others are read "
        "anew each epoch, and about 10.0 GB would hold all; raise data.cache_gb or lower "
        "data.cache_side");
  const auto none = full_cache_verdict({.images = 0, .refused = 9, .bytes = 80}, 10, "packed");
  REQUIRE(none);
  CHECK(none->find("would hold all") == std::string::npos);
}
