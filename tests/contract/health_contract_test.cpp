// A healthy run of any method is not said to fail, and one that is made to fail is.
#include "methods/method_config.h"
#include "nn/batch_norm.h"
#include "nn/mlp.h"
#include "tests/contract/setting.h"
#include "tests/support/torch_catch.h"
#include "train/diagnose.h"
#include "train/health.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/eye.h>

#include <algorithm>
#include <string>

namespace {

using namespace sslrun;
using test::Batch;
using test::kStepsPerEpoch;
using test::names;
using test::Run;
using test::Setting;

constexpr int kSteps = 40,
              kDiagnoseEvery = 3;  // more often than any verdict on diagnosed steps waits for

/// The first verdict on a run of a shipped recipe, or "".
std::string verdict_of(const Setting& setting, Run& run, double lr) {
  run.watch(setting.first_epoch());
  const auto& config =
      dynamic_cast<const methods::MethodConfig&>(*setting.loaded.recipe.method.config);
  train::HealthWatch watch(config.collapse_advice());
  for (int i = 0; i < kSteps; ++i) {
    run.diagnose = i % kDiagnoseEvery == 0;
    const double loss = run.step(setting.batches[std::size_t(i) % setting.batches.size()], lr);
    std::vector<std::pair<std::string, double>> scalars;
    for (const auto& [name, value] : run.result.scalars)
      scalars.emplace_back(name, ops::value(value));
    if (run.diagnose) {
      const auto described = train::describe(run.result.embeddings);
      scalars.insert(scalars.end(), described.begin(), described.end());
    }
    if (const auto verdict = watch.observe({.step = i + 1,
                                            .loss = loss,
                                            .candidates = run.result.candidates,
                                            .guessing_scale = run.result.guessing_scale,
                                            .dim = run.method->embedding_dim(),
                                            .scalars = scalars}))
      return *verdict;
  }
  return "";
}

/// Makes the predictor hand on what it is given, up to a factor, for good: z = relu(z) - relu(-z). Its
/// hidden layer is twice as wide as the embedding.
void remove_predictor(methods::Method& method) {
  const at::NoGradGuard no_grad;
  at::Tensor first;
  for (const auto& [name, tensor] : method.named_weights()) {
    if (!name.starts_with("predictor.")) continue;
    const at::Tensor values = tensor.detach();
    const at::Tensor one = at::eye(std::min(values.size(0), values.size(-1)));
    if (name == "predictor.0.weight") {
      first = tensor;
      values.copy_(at::cat({one, -one}, 0));
    } else if (name == "predictor.3.weight") {
      values.copy_(at::cat({one, -one}, 1));
    } else if (name.ends_with(".bias")) {
      values.zero_();
    }
  }
  REQUIRE(first.defined());
  method.for_each([&](nn::Module& part) {
    if (dynamic_cast<nn::Mlp*>(&part) == nullptr || !part.named_weights()[0].second.is_same(first))
      return;
    part.freeze();
    part.for_each([](nn::Module& inner) {
      if (dynamic_cast<nn::BatchNorm*>(&inner) != nullptr) inner.train(false);  // 0 and 1: nothing
    });
  });
}

}  // namespace

TEST_CASE("every method: a healthy run raises no verdict", "[contract][methods]") {
  for (const std::string& name : names()) {
    INFO(name);
    const Setting setting(name);
    Run run(setting);
    CHECK(verdict_of(setting, run, 0.01) == "");
  }
}

TEST_CASE("byol: without predictor and momentum it collapses; the predictor alone holds it",
          "[contract][methods][health]") {
  ops::use_threads(1);
  const Setting setting("byol", {"method.momentum=0"});
  Run without(setting), with(setting);
  remove_predictor(*without.method);
  without.make_optimizer();
  CHECK_THAT(verdict_of(setting, without, 0.3),
             Catch::Contains("the embeddings have collapsed") &&
                 Catch::EndsWith("or raise method.momentum"));
  CHECK(verdict_of(setting, with, 0.3) == "");
}

TEST_CASE("moco: a hundred times its recipe's learning rate collapses, and that rate does not",
          "[contract][methods][health]") {
  ops::use_threads(1);
  const Setting setting("moco");
  const double lr = setting.loaded.recipe.learning_rate.peak(64);  // the recipe's own batch
  const auto run = [&](double factor) {
    Run by_recipe(setting);
    by_recipe.optimizer =
        optim::make_optimizer(setting.loaded.recipe.optimizer,
                              methods::trained_parameters(*by_recipe.method, {}, kStepsPerEpoch));
    return verdict_of(setting, by_recipe, factor * lr);
  };
  CHECK_THAT(run(100),
             Catch::Contains("the embeddings have collapsed") && Catch::Contains("optimizer.lr"));
  CHECK(run(1) == "");
}
