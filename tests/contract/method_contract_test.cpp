// What every registered method promises, whatever it computes.
#include "methods/method_config.h"
#include "tests/contract/setting.h"
#include "tests/support/torch_catch.h"

#include <string>
#include <vector>

namespace {

using namespace sslrun;

using test::Batch;
using test::kImages;
using test::kStepsPerEpoch;
using test::names;
using test::Run;
using test::Setting;

/// What evaluation loads by its name is the encoder that the method says.
void check_evaluated(const Setting& setting, const methods::Method& method) {
  const auto& config =
      dynamic_cast<const methods::MethodConfig&>(*setting.loaded.recipe.method.config);
  const std::string prefix = std::string(config.evaluated()) + ".";
  nn::NamedTensors named;
  for (const auto& [name, tensor] : method.named_state())
    if (name.starts_with(prefix)) named.emplace_back(name.substr(prefix.size()), tensor);
  const nn::NamedTensors own = method.evaluated().named_state();
  REQUIRE(named.size() == own.size());
  for (std::size_t i = 0; i < own.size(); ++i) {
    CHECK(named[i].first == own[i].first);
    CHECK(named[i].second.is_same(own[i].second));
  }
}

}  // namespace

TEST_CASE("every method: twenty steps against the same targets lower the loss",
          "[contract][methods]") {
  for (const std::string& name : names()) {
    INFO(name);
    const Setting setting(name);
    const Batch& batch = setting.batches[0];
    Run run(setting);
    run.watch(setting.first_epoch());
    run.method->before_step(run.progress);
    const double first = run.move(batch, 0.05);
    double last = first;
    for (int i = 0; i < 20; ++i) last = run.move(batch, 0.05);
    CHECK(last < 0.9 * first);
  }
}

TEST_CASE("every method: the same seed gives the same bits, another seed others",
          "[contract][methods]") {
  for (const std::string& name : names()) {
    INFO(name);
    const Setting setting(name);
    const Batch& batch = setting.batches[0];
    Run a(setting, 1), b(setting, 1), other(setting, 2);
    for (Run* run : {&a, &b, &other}) run->watch(setting.first_epoch());
    for (int i = 0; i < 3; ++i) {
      const double loss = a.step(batch);
      CHECK(loss == b.step(batch));
      CHECK(loss != other.step(batch));
    }
  }
}

TEST_CASE("every method: its saved state goes on with the same bits", "[contract][methods]") {
  for (const std::string& name : names()) {
    INFO(name);
    const Setting setting(name);
    Run run(setting), resumed(setting);  // of one recipe, so of one seed
    const Batch &first = setting.batches[0], &second = setting.batches[1],
                &other = setting.batches[2];
    resumed.step(other);
    run.watch(setting.first_epoch());
    run.step(first);
    run.step(second);
    nn::load_state(*resumed.method, run.method->named_state());
    resumed.optimizer->load_state(run.optimizer->state());
    resumed.progress = run.progress;
    for (int i = 0; i < 3; ++i) {
      CHECK(run.step(first) == resumed.step(first));
      CHECK(run.step(second) == resumed.step(second));
    }
  }
}

TEST_CASE(
    "every method: its state names the encoders' tensors, every parameter gets a gradient and no "
    "frozen weight does",
    "[contract][methods]") {
  for (const std::string& name : names()) {
    INFO(name);
    const Setting setting(name);
    Run run(setting);
    run.step(setting.batches[0], 0.0);
    std::size_t of_the_encoder = 0;
    for (const auto& [parameter, tensor] : run.method->named_parameters()) {
      INFO(parameter);
      of_the_encoder += parameter.starts_with("encoder.");
      CHECK(tensor.grad().defined());
    }
    CHECK(of_the_encoder == run.method->encoder().named_parameters().size());
    for (const auto& [weight, tensor] : run.method->named_weights()) {
      INFO(weight);
      CHECK((tensor.requires_grad() || !tensor.grad().defined()));
    }
    check_evaluated(setting, *run.method);
  }
}
