// A healthy run of any method is not said to fail.
#include "methods/method_config.h"
#include "tests/contract/setting.h"
#include "tests/support/torch_catch.h"
#include "train/diagnose.h"
#include "train/health.h"

#include <string>

namespace {

using namespace sslrun;
using test::Batch;
using test::kStepsPerEpoch;
using test::names;
using test::Run;
using test::Setting;

constexpr int kSteps = 40, kDiagnoseEvery = 5;

/// The first verdict on a run of a shipped recipe, or "".
std::string verdict_of(const Setting& setting) {
  Run run(setting);
  run.watch(setting.first_epoch());
  const auto& config =
      dynamic_cast<const methods::MethodConfig&>(*setting.loaded.recipe.method.config);
  train::HealthWatch watch(config.collapse_advice());
  for (int i = 0; i < kSteps; ++i) {
    run.diagnose = i % kDiagnoseEvery == 0;
    const double loss = run.step(setting.batches[std::size_t(i) % setting.batches.size()], 0.01);
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
                                            .dim = run.method->embedding_dim(),
                                            .scalars = scalars}))
      return *verdict;
  }
  return "";
}

}  // namespace

TEST_CASE("every method: a healthy run raises no verdict", "[contract][methods]") {
  for (const std::string& name : names()) {
    INFO(name);
    CHECK(verdict_of(Setting(name)) == "");
  }
}
