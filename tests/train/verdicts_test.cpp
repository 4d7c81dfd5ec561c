// Training that is made to fail, and what is said of it: methods in their wrong settings, on features
// without a network.
#include "ops/threads.h"
#include "tests/methods/setting.h"
#include "tests/support/torch_catch.h"
#include "train/diagnose.h"
#include "train/health.h"

#include <ATen/ops/arange.h>
#include <ATen/ops/full.h>

#include <functional>

namespace {

using namespace sslrun;
using test::Setting;

/// Trains by gradient descent and returns the first verdict, or "".
std::string verdict_of(
    Setting& s,
    double lr,
    int steps,
    const std::function<void(int)>& before_step = [](int) {}) {
  ops::use_threads(1);
  train::HealthWatch watch("");
  const auto optimizer = optim::make_optimizer(
      config::make_component(optim::optimizer_specs(), "sgd"), s.method->named_parameters());
  const auto world = dist::single_world();
  for (int step = 1; step <= steps; ++step) {
    before_step(step);
    const bool diagnose = step % 5 == 0;
    s.method->before_step(s.progress);
    optimizer->zero_grad();
    const methods::StepResult result = s.method->forward(s.views,
                                                         {.world = *world,
                                                          .progress = s.progress,
                                                          .samples = s.samples,
                                                          .targets = s.targets,
                                                          .labels = s.labels,
                                                          .diagnose = diagnose});
    ops::backward(result.loss, 1.0);
    optimizer->step(lr, s.method->following(s.progress));
    s.method->after_step(s.progress);
    ++s.progress.step;
    std::vector<std::pair<std::string, double>> scalars;
    for (const auto& [name, value] : result.scalars) scalars.emplace_back(name, ops::value(value));
    if (diagnose) {
      const auto described = train::describe(result.embeddings);
      scalars.insert(scalars.end(), described.begin(), described.end());
    }
    if (const auto verdict = watch.observe({.step = step,
                                            .loss = ops::value(result.loss),
                                            .candidates = result.candidates,
                                            .guessing_scale = result.guessing_scale,
                                            .dim = s.method->embedding_dim(),
                                            .scalars = scalars}))
      return *verdict;
  }
  return "";
}

constexpr const char* kVicReg =
    "{name: vicreg, projector: {hidden_dim: 8, output_dim: 7}, invariance: 25, covariance: ";

}  // namespace

TEST_CASE("verdict: VICReg without its variance collapses, with it not", "[train][health]") {
  Setting wrong(std::string(kVicReg) + "1, variance: 0}");
  CHECK_THAT(verdict_of(wrong, 0.02, 600), Catch::Contains("the embeddings have collapsed"));
  Setting right(std::string(kVicReg) + "1, variance: 25}");
  CHECK(verdict_of(right, 0.002, 600).empty());
}

TEST_CASE("verdict: a rotation that leaves no trace is guessed", "[train][health]") {
  Setting s("{name: rotnet}", {2});
  s.views = {test::plain_pictures(2, 0.4, 2).repeat_interleave(4, 0)};  // four equal turns
  s.targets = {at::arange(4, at::kLong).repeat({2, 1})};
  CHECK_THAT(verdict_of(s, 0.5, 1500), Catch::Contains("the loss is ln 4 = 1.386"));
  Setting right("{name: rotnet}", {2});
  right.views = {test::plain_pictures(24, 0.4, 2)};
  right.targets = {at::arange(24, at::kLong).remainder(4).view({6, 4})};
  CHECK(verdict_of(right, 0.1, 600).empty());
}

TEST_CASE(
    "verdict: steps that go too far, from one batch's class to the next one's, are worse than "
    "guessing",
    "[train][health]") {
  const auto run = [](double lr) {
    Setting s("{name: rotnet}", {2});
    s.views = {test::plain_pictures(24, 0.4, 2)};
    return verdict_of(s, lr, 200, [&s](int step) {
      s.targets = {at::full({6, 4}, step % 4, at::kLong)};
    });
  };
  CHECK_THAT(run(3.0), Catch::Contains("worse than guessing"));
  CHECK(run(0.1).empty());
}

TEST_CASE("verdict: DINO's teacher without centring gives all images one prototype",
          "[train][health]") {
  const auto run = [](const std::string& center) {
    Setting s("{name: dino, momentum: 0, freeze_last_layer_epochs: 0, center_momentum: " + center +
              ", head: {hidden_dim: 16, bottleneck_dim: 6, output_dim: 9}}");
    return verdict_of(s, 1.0, 400);
  };
  CHECK_THAT(run("1"), Catch::Contains("all images are given one prototype"));
  CHECK(run("0.9") == "");
}

TEST_CASE("verdict: DINO's teacher that sharpens nothing is uniform", "[train][health]") {
  Setting s(
      "{name: dino, momentum: 0, freeze_last_layer_epochs: 0, teacher_temperature: {start: 100, "
      "end: "
      "100}, head: {hidden_dim: 16, bottleneck_dim: 6, output_dim: 9}}");
  CHECK_THAT(verdict_of(s, 1.0, 400), Catch::Contains("the teacher is uniform"));
}
