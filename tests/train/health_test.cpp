#include "train/health.h"

#include "tests/support/torch_catch.h"
#include "train/image_cache.h"

#include <cmath>
#include <string>
#include <utility>
#include <vector>

using namespace sslrun::train;

namespace {

using Scalars = std::vector<std::pair<std::string, double>>;

/// What is told about `steps` equal steps, and the number of the one it is told after.
std::pair<std::string, int> told(HealthWatch& watch, const StepSigns& signs, int steps) {
  std::pair<std::string, int> out;
  for (int step = 1; step <= steps; ++step) {
    StepSigns at = signs;
    at.step = step;
    if (const auto verdict = watch.observe(at)) {
      CHECK(out.first.empty());  // never the same twice
      out = {*verdict, step};
    }
  }
  return out;
}

}  // namespace

TEST_CASE("collapse: twenty low steps in a row are told once, in words with what to change",
          "[train][health]") {
  HealthWatch watch("raise method.momentum");
  const Scalars low = {{"embedding_std", 0.01 / std::sqrt(128.0)}};
  const auto [verdict, step] = told(watch, {.dim = 128, .scalars = low}, 100);
  CHECK(step == 20);
  CHECK_THAT(verdict, Catch::Contains("collapsed") && Catch::Contains("optimizer.lr"));
  CHECK_THAT(verdict, Catch::EndsWith("or raise method.momentum"));
}

TEST_CASE("collapse: one healthy step begins the count again", "[train][health]") {
  HealthWatch watch("");
  for (int step = 1; step <= 100; ++step) {
    const Scalars std = {{"embedding_std", step % 20 == 0 ? 0.08 : 0.0}};
    CHECK_FALSE(watch.observe({.step = step, .dim = 128, .scalars = std}));
  }
}

TEST_CASE("collapse: embeddings that shrink to a point are told where their loss holds them at 1",
          "[train][health]") {
  HealthWatch watch("raise method.variance");
  const Scalars small = {{"raw_std", 0.01}, {"embedding_std", 0.09}};
  const auto [verdict, step] = told(watch, {.dim = 128, .scalars = small}, 100);
  CHECK(step == 20);
  CHECK_THAT(verdict, Catch::Contains("below 0.05") && Catch::Contains("method.variance"));
}

TEST_CASE("guessing: a loss that is ln K for 500 steps is told with K, any other is not",
          "[train][health]") {
  HealthWatch watch("");
  const auto [verdict, step] =
      told(watch, {.loss = std::log(65536.0) * 1.0005, .candidates = 65536}, 2000);
  CHECK(step == 500);
  CHECK_THAT(verdict, Catch::Contains("the loss is ln 65536 = 11.09"));
  CHECK_THAT(verdict, Catch::Contains("for 500 steps"));
  HealthWatch twice("");  // a sum of two choices, as of symmetric MoCo
  const StepSigns both{.loss = 2 * std::log(4097.0), .candidates = 4097, .guessing_scale = 2};
  CHECK_THAT(told(twice, both, 600).first, Catch::Contains("the loss is 2 ln 4097 = 16.64"));
  HealthWatch healthy("");
  CHECK(told(healthy, {.loss = std::log(65536.0) * 0.998, .candidates = 65536}, 2000).second == 0);
  CHECK(told(healthy, {.loss = 0, .candidates = 0}, 2000).second == 0);
}

TEST_CASE("worse than guessing: fifty steps above half again of ln K are told", "[train][health]") {
  HealthWatch watch("");
  const auto [verdict, step] = told(watch, {.loss = std::log(4.0) * 1.6, .candidates = 4}, 200);
  CHECK(step == 50);
  CHECK_THAT(verdict, Catch::Contains("worse than guessing") && Catch::Contains("optimizer.lr"));
}

TEST_CASE("rank: embeddings on a line are told the tenth time", "[train][health]") {
  HealthWatch watch("");
  const Scalars line = {{"rank_me", 1.2}, {"embedding_std", 0.09}};
  const auto [verdict, step] = told(watch, {.dim = 128, .scalars = line}, 20);
  CHECK(step == 10);
  CHECK_THAT(verdict, Catch::Contains("1.2 of 128 directions"));
}

TEST_CASE("teacher: one that is uniform, and one that gives all images one prototype",
          "[train][health]") {
  HealthWatch watch("");
  const Scalars uniform = {
      {"teacher_entropy", 11.0899}, {"teacher_kl", 0.0004}, {"prototypes_used", 65000}};
  const auto [verdict, step] = told(watch, {.scalars = uniform}, 20);
  CHECK(step == 10);
  CHECK_THAT(verdict, Catch::Contains("uniform") && Catch::Contains("method.teacher_temperature"));
  HealthWatch swav("lower method.epsilon");
  CHECK_THAT(told(swav, {.scalars = uniform}, 20).first,
             Catch::Contains("lower method.epsilon") && !Catch::Contains("teacher_temperature"));
  const Scalars one = {{"teacher_entropy", 0.01}, {"teacher_kl", 11.08}, {"prototypes_used", 1.01}};
  CHECK_THAT(told(watch, {.scalars = one}, 20).first, Catch::Contains("one prototype"));
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
