// With train.accumulate_negatives: full, a step in micro-batches is the step of the undivided batch, for
// one process and for several, wherever the networks do not couple images.
#include "base/error.h"
#include "methods/contrastive_method.h"
#include "methods/simclr_config.h"
#include "nn/batch_norm.h"
#include "tests/contract/setting.h"
#include "tests/contract/trace.h"
#include "tests/dist/ranks.h"
#include "tests/support/torch_catch.h"
#include "train/accumulate.h"

#include <ATen/ops/allclose.h>
#include <ATen/ops/scalar_tensor.h>

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace {

using namespace sslrun;
using test::Batch;
using test::Run;
using test::Setting;

/// Drops residual branches: both passes must drop the same ones.
const std::string kVit =
    "encoder={name: vit_tiny, patch_size: 8, image_size: 32, drop_path: 0.4, drop_path_rule: "
    "uniform}";
const std::string kResNet = "encoder={name: resnet18, stem: cifar, width: 4}";

/// The methods that take it, by what their configuration says.
std::vector<std::string> contrastive() {
  std::vector<std::string> out;
  for (const std::string& name : test::names()) {
    const auto method = config::make_component(methods::method_specs(), name);
    const auto& config = dynamic_cast<const methods::MethodConfig&>(*method.config);
    if (config.full_negatives_problem().empty()) out.push_back(name);
  }
  return out;
}

/// What one rank computes of a batch in so many micro-batches: its slice of each, as the loader has
/// it.
train::StepLoss passes(Run& run,
                       const Batch& batch,
                       int parts,
                       ops::Precision precision = ops::Precision::kFp32) {
  const std::int64_t ranks = run.world.size();
  std::vector<Batch> own;
  for (int m = 0; m < parts; ++m)
    own.push_back(batch.part(m * ranks + run.world.rank(), parts * ranks));
  int last = 0;
  const train::StepPasses step{
      .method = *run.method,
      .world = run.world,
      .device = at::kCPU,
      .precision = precision,
      .seed = run.seed,
      .progress = run.progress,
      .diagnose = true,
      .micro_batches = parts,
      .micro_batch =
          [&](std::int64_t m) {
            const Batch& b = own[std::size_t(m)];
            return train::MicroBatch{b.views, b.targets, b.samples, b.labels};
          },
      .before_last = [&] { ++last; }};
  train::StepLoss out = parts == 1 ? train::accumulate_micro(step) : train::accumulate_full(step);
  check_invariant(last == 1, "one backward pass is the last");
  return out;
}

struct Trace : test::Trace {
  std::map<std::string, at::Tensor> state;
  std::map<std::string, double> scalars;  // of the last step
  std::vector<at::Tensor> embeddings;
  std::int64_t candidates = 0;
};

/// Two steps: the second sees what the first left in queues and followers. Batch norm, which couples
/// images, uses its running statistics.
Trace trace(const Setting& setting,
            dist::World& world,
            int parts,
            ops::Precision precision = ops::Precision::kFp32) {
  Run run(setting, 1, world);
  const bool wide = precision == ops::Precision::kFp32;
  if (wide) test::to_double(*run.method);
  run.make_optimizer();
  run.method->for_each([](nn::Module& part) {
    if (dynamic_cast<nn::BatchNorm*>(&part) != nullptr) part.train(false);
  });
  Trace out;
  for (const Batch& batch : setting.first_epoch()) {
    run.method->before_step(run.progress);
    run.optimizer->zero_grad();
    train::StepLoss got = passes(run, wide ? test::as_double(batch) : batch, parts, precision);
    if (world.size() > 1) run.average_gradients();
    run.optimizer->step(0.05, run.method->following(run.progress));
    run.method->after_step(run.progress);
    ++run.progress.step;
    const at::Tensor loss = at::scalar_tensor(got.loss, at::kDouble);
    out.losses.push_back(world.all_reduce_sum(loss).item<double>() /
                         static_cast<double>(world.size()));
    out.scalars.clear();
    for (const auto& [name, value] : got.result.scalars) out.scalars[name] = ops::value(value);
    out.embeddings = got.result.embeddings;
    out.candidates = got.result.candidates;
  }
  out.keep_gradients(*run.method);
  for (const auto& [name, tensor] : run.method->named_state())
    out.state[name] = tensor.detach().clone();
  return out;
}

// Measured: losses 6.7e-16, gradients 2.9e-15.
void check_same(const Trace& got, const Trace& want) {
  for (std::size_t i = 0; i < want.losses.size(); ++i)
    CHECK(got.losses[i] == Approx(want.losses[i]).epsilon(2.7e-15));
  CHECK(distance(got, want) < 1.2e-14);
  CHECK(got.candidates == want.candidates);
}

/// Losses of simclr beside its own; others have one.
struct Case {
  std::string method, loss;
};

std::vector<Case> cases() {
  std::vector<Case> out;
  for (const std::string& name : contrastive()) out.push_back({name, ""});
  out.push_back({"simclr", "dcl"});
  out.push_back({"simclr", "dclw"});
  return out;
}

Setting setting_of(const Case& c) {
  Setting setting(c.method, {kVit});
  if (!c.loss.empty())
    dynamic_cast<methods::SimClrConfig&>(*setting.loaded.recipe.method.config).loss = c.loss;
  return setting;
}

/// Keeps what an encoder gives.
class Recorded final : public encoders::Encoder {
 public:
  Recorded(std::unique_ptr<encoders::Encoder> inner, std::vector<at::Tensor>& seen)
      : inner_(std::move(inner)), seen_(seen) {
    register_module("", *inner_);
  }

  at::Tensor forward(const at::Tensor& x_NCHW) const override {
    const at::Tensor features = inner_->forward(x_NCHW);
    seen_.push_back(features.detach().clone());
    return features;
  }

  std::int64_t width() const override { return inner_->width(); }

 private:
  std::unique_ptr<encoders::Encoder> inner_;
  std::vector<at::Tensor>& seen_;
};

}  // namespace

TEST_CASE("full negatives: the methods in two parts are those whose configuration takes the key",
          "[contract][methods]") {
  std::vector<std::string> split;
  for (const std::string& name : test::names()) {
    const Run run{Setting(name)};
    if (dynamic_cast<methods::ContrastiveMethod*>(run.method.get())) split.push_back(name);
  }
  CHECK(split == contrastive());
  CHECK(split.size() == 4);
}

TEST_CASE("full negatives: micro-batches have loss, gradient and state of the undivided batch",
          "[contract][methods]") {
  for (const Case& c : cases()) {
    INFO(c.method << " " << c.loss);
    const Setting setting = setting_of(c);
    const Trace whole = trace(setting, *dist::single_world(), 1);
    for (const int parts : {2, 4}) {
      const Trace got = trace(setting, *dist::single_world(), parts);
      check_same(got, whole);
      for (const auto& [name, value] : whole.state) {
        INFO(name);
        CHECK(at::allclose(got.state.at(name), value, 0, 4e-13));  // measured: below 1e-13
      }
      for (const auto& [name, value] : whole.scalars)
        CHECK(got.scalars.at(name) == Approx(value).epsilon(1e-12).margin(4e-13));
      REQUIRE(got.embeddings.size() == whole.embeddings.size());
      for (std::size_t i = 0; i < whole.embeddings.size(); ++i)
        CHECK(at::allclose(got.embeddings[i], whole.embeddings[i], 0, 4e-13));
    }
  }
}

TEST_CASE("full negatives: so have those of two ranks", "[contract][methods][dist]") {
  for (const Case& c : cases()) {
    INFO(c.method << " " << c.loss);
    const Setting setting = setting_of(c);
    const Trace whole = trace(setting, *dist::single_world(), 1);
    std::vector<Trace> got(2);
    test::run_ranks(
        2, [&](dist::World& world) { got[std::size_t(world.rank())] = trace(setting, world, 2); });
    for (const Trace& rank : got) check_same(rank, whole);
  }
}

TEST_CASE("full negatives: running statistics and queues move as in one pass over micro-batches",
          "[contract][methods]") {
  constexpr int kParts = 2;
  for (const std::string& name : contrastive()) {
    INFO(name);
    const Setting setting(name, {kResNet});
    Run twice(setting), once(setting);
    const Batch& batch = setting.batches[0];
    for (Run* run : {&twice, &once}) run->method->before_step(run->progress);
    passes(twice, batch, kParts);
    for (int m = 0; m < kParts; ++m) once.forward(batch.part(m, kParts));
    for (Run* run : {&twice, &once}) run->method->after_step(run->progress);
    const auto got = twice.method->named_buffers(), want = once.method->named_buffers();
    REQUIRE(got.size() == want.size());
    for (std::size_t i = 0; i < want.size(); ++i) {
      INFO(want[i].first);
      CHECK(got[i].second.equal(want[i].second));
    }
  }
}

TEST_CASE("full negatives: both passes see the same activations, to the bit",
          "[contract][methods]") {
  const std::string encoder = GENERATE(kVit, kResNet);
  const auto precision = GENERATE(ops::Precision::kFp32, ops::Precision::kBf16);
  INFO(encoder << " " << ops::name_of(precision));
  const Setting setting("simclr", {encoder});
  Run run(setting);
  std::vector<at::Tensor> seen;
  run.method = methods::make_method(
      setting.loaded.recipe.method,
      {.make_encoder =
           [&] {
             return std::make_unique<Recorded>(
                 encoders::make_encoder(setting.loaded.recipe.encoder, 1), seen);
           },
       .seed = 1,
       .train_images = test::kImages});
  passes(run, setting.batches[0], 2, precision);
  REQUIRE(seen.size() == 4);
  CHECK(seen[2].equal(seen[0]));
  CHECK(seen[3].equal(seen[1]));
  CHECK(!seen[1].equal(seen[0]));
}

TEST_CASE(
    "full negatives: in bfloat16 they are as near to the exact step as the undivided batch is",
    "[contract][methods]") {
  for (const std::string& name : contrastive()) {
    INFO(name);
    const Setting setting(name, {kVit});
    const Trace exact = trace(setting, *dist::single_world(), 1);
    const Trace whole = trace(setting, *dist::single_world(), 1, ops::Precision::kBf16);
    const Trace full = trace(setting, *dist::single_world(), 2, ops::Precision::kBf16);
    const double of_whole = distance(whole, exact), of_full = distance(full, exact);
    CAPTURE(of_whole, of_full);
    CHECK(of_full < 1.2 * of_whole);
  }
}
