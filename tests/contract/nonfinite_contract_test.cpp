// A step whose loss or gradient is not finite on any rank: no rank applies it, and what comes after is
// as if its batch had not been there.
#include "base/error.h"
#include "base/file.h"
#include "base/philox.h"
#include "tests/contract/setting.h"
#include "tests/contract/whole_run.h"
#include "tests/support/torch_catch.h"
#include "train/diagnose.h"
#include "train/nonfinite.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/ones_like.h>

#include <atomic>
#include <cmath>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace {

using namespace sslrun;
using test::Outcome;
using test::sit;
using test::WholeRun;

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kInf = std::numeric_limits<double>::infinity();

/// What goes wrong in a step on one rank: an element of its gradient, or of the embeddings that its
/// loss sees.
struct Fault {
  enum class In { kGradient, kEmbeddings };
  In in = In::kGradient;
  double value = kNan;
  std::int64_t rank = 0;
};

/// The fault of the n-th step that is computed, counted from 1 over all attempts.
using Faults = std::function<std::optional<Fault>(std::int64_t)>;

Faults once(std::int64_t step, const Fault& fault) {
  return [=](std::int64_t n) { return n == step ? std::optional(fault) : std::nullopt; };
}

/// The world of a rank with faults; where embeddings are concerned, of SimCLR, which gathers two views.
class Spoiled final : public dist::World {
 public:
  Spoiled(dist::World& world, Faults faults) : world_(world), faults_(std::move(faults)) {}

  std::int64_t rank() const override { return world_.rank(); }

  std::int64_t size() const override { return world_.size(); }

  at::Tensor all_gather(const at::Tensor& rows) override {
    if (!rows.requires_grad()) return world_.all_gather(rows);
    const auto fault = faults_(views_++ / 2 + 1);
    if (!fault || fault->in != Fault::In::kEmbeddings || fault->rank != rank())
      return world_.all_gather(rows);
    const at::Tensor factor = at::ones_like(rows).detach();
    factor.view({-1}).narrow(0, 0, 1).fill_(fault->value);
    return world_.all_gather(rows * factor);
  }

  at::Tensor all_reduce_sum(const at::Tensor& value) override {
    return world_.all_reduce_sum(value);
  }

  std::function<void()> start_sum(const at::Tensor& value) override {
    if (first_bucket_ == 0) first_bucket_ = value.numel();
    if (value.numel() != first_bucket_) return world_.start_sum(value);
    const auto fault = faults_(++steps_);
    if (fault && fault->in == Fault::In::kGradient && fault->rank == rank())
      value.view({-1}).narrow(0, value.numel() / 2, 1).fill_(fault->value);
    return world_.start_sum(value);
  }

  void barrier() override { world_.barrier(); }

 private:
  dist::World& world_;
  Faults faults_;
  std::int64_t steps_ = 0, views_ = 0;
  std::int64_t first_bucket_ = 0;  // elements of a step's first bucket, which is its largest
};

test::Wrap with(const Faults& faults) {
  return [=](dist::World& world) { return std::make_unique<Spoiled>(world, faults); };
}

/// Equal to the bit, names included.
bool equal(const nn::NamedTensors& a, const nn::NamedTensors& b) {
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i)
    if (a[i].first != b[i].first || !a[i].second.equal(b[i].second)) return false;
  return true;
}

bool equal(const Outcome& a, const Outcome& b) {
  return a.saved.step == b.saved.step && equal(a.saved.snapshot.model, b.saved.snapshot.model) &&
         equal(a.saved.snapshot.optimizer, b.saved.snapshot.optimizer);
}

std::vector<std::int64_t> logged(const Outcome& outcome) {
  std::vector<std::int64_t> steps;
  for (const auto& record : outcome.records) steps.push_back(record.at("step"));
  return steps;
}

/// step -> loss.
std::map<std::int64_t, double> losses(const Outcome& outcome) {
  std::map<std::int64_t, double> out;
  for (const auto& record : outcome.records) out[record.at("step")] = record.at("loss");
  return out;
}

std::set<std::int64_t> left_out(const Outcome& outcome) {
  return train::decode_state(outcome.saved.snapshot.state).left_out;
}

constexpr std::int64_t kBroken = 5, kSteps = 8;

WholeRun run_of(const std::string& method,
                const std::string& policy,
                std::int64_t steps,
                std::vector<std::string> more = {}) {
  more.insert(more.end(),
              {"train.on_nonfinite=" + policy,
               "encoder.width=8",
               "checkpoint.every_epochs=3",
               "schedule.epochs=" + std::to_string(steps)});
  return WholeRun(method, more);
}

/// Rewrites the state of the last checkpoint.
void edit(const std::string& folder, const std::function<void(train::RunState&)>& change) {
  const checkpoint::CheckpointStore store(folder, 2);
  auto saved = store.load_latest().value();
  train::RunState state = train::decode_state(saved.snapshot.state);
  change(state);
  saved.snapshot.state = train::encode_state(state);
  store.save(state.step, saved.snapshot);
}

std::string refusal(const std::function<void()>& work) {
  try {
    work();
  } catch (const NumericsError& e) {
    return e.what();
  }
  return "";
}

}  // namespace

TEST_CASE("every method: a step that is not applied leaves nothing behind but what comes before it",
          "[contract][methods][nonfinite]") {
  for (const std::string& name : test::names()) {
    INFO(name);
    const test::Setting setting(name);
    test::Run run(setting), without(setting);
    for (test::Run* one : {&run, &without}) {
      one->watch(setting.first_epoch());
      one->step(setting.batches[0]);
    }

    test::Batch bad = setting.batches[1];
    for (at::Tensor& view : bad.views) {
      view = view.clone();
      view[0].fill_(kNan);
    }
    run.diagnose = true;
    run.method->before_step(run.progress);
    train::KeptBuffers kept(run.method->named_buffers());
    kept.keep();
    run.optimizer->zero_grad();
    const methods::StepResult result = run.forward(bad);
    ops::backward(result.loss, 1.0);
    CHECK(!std::isfinite(ops::value(result.loss)));
    CHECK_NOTHROW(train::describe(result.embeddings));
    kept.put_back();
    run.method->forget_step();
    run.diagnose = false;
    without.method->before_step(without.progress);

    for (test::Run* one : {&run, &without}) ++one->progress.step;
    CHECK(equal(run.method->named_state(), without.method->named_state()));
    for (const std::size_t batch : {2, 0, 1})
      CHECK(run.step(setting.batches[batch]) == without.step(setting.batches[batch]));
    CHECK(equal(run.method->named_state(), without.method->named_state()));
  }
}

TEST_CASE("skip: a broken step in the middle gives the run that never had it, to the bit",
          "[contract][dist][nonfinite]") {
  struct Case {
    std::string method;
    std::int64_t ranks;
    Fault fault;
    std::vector<std::string> more = {};
  };

  for (const Case& c : {Case{"simclr", 1, {Fault::In::kEmbeddings, kNan, 0}},
                        Case{"simclr", 2, {Fault::In::kGradient, kNan, 1}},
                        Case{"simclr", 2, {Fault::In::kEmbeddings, kInf, 1}},
                        Case{"nnclr", 2, {Fault::In::kGradient, -kInf, 0}, {"method.queue=24"}}}) {
    INFO(c.method << " on " << c.ranks);
    const test::TempFolder skipped, never, resumed;
    sit(run_of(c.method, "skip", kSteps, c.more),
        skipped.path(),
        c.ranks,
        with(once(kBroken, c.fault)));

    sit(run_of(c.method, "stop", kBroken - 1, c.more), never.path(), c.ranks);
    edit(never.path(), [](train::RunState& state) { state.step = kBroken; });
    sit(run_of(c.method, "stop", kSteps, c.more), never.path(), c.ranks);

    sit(run_of(c.method, "skip", kBroken + 1, c.more),
        resumed.path(),
        c.ranks,
        with(once(kBroken, c.fault)));
    sit(run_of(c.method, "skip", kSteps, c.more), resumed.path(), c.ranks);

    const Outcome got(skipped.path()), want(never.path()), again(resumed.path());
    CHECK(equal(got, want));
    CHECK(equal(again, want));
    CHECK(losses(got) == losses(want));
    CHECK(losses(again) == losses(want));
    CHECK(logged(got) == std::vector<std::int64_t>{1, 2, 3, 4, 6, 7, 8});
    CHECK(left_out(got) == std::set{kBroken});
    CHECK(left_out(again) == std::set{kBroken});
    CHECK(got.records.back().at("left_out") == 1);
    CHECK(!got.records.front().contains("left_out"));
    const auto status = nlohmann::json::parse(read_file(skipped.path("status.json")));
    CHECK(status.at("left_out") == 1);
    const auto list = nlohmann::json::parse(read_file(skipped.path("nonfinite.json")));
    CHECK(list.at("step") == kBroken);
    CHECK(list.at("samples").size() == 12);
  }
}

TEST_CASE("rollback: the run ends as one that leaves the batch out from the checkpoint on",
          "[contract][dist][nonfinite]") {
  const std::map<std::string, std::vector<std::string>> methods = {
      {"moco", {"method.queue=24", "method.split_bn=1"}},
      {"swav", {"method.prototypes=8", "method.queue=12"}}};
  const Faults faults = once(kBroken, {.value = kNan, .rank = 1});
  for (const auto& [method, more] : methods) {
    INFO(method);
    const test::TempFolder back, told, resumed;
    sit(run_of(method, "rollback", kSteps, more), back.path(), 2, with(faults));

    sit(run_of(method, "stop", 3, more), told.path(), 2);
    edit(told.path(), [](train::RunState& state) { state.left_out = {kBroken}; });
    sit(run_of(method, "stop", kSteps, more), told.path(), 2);

    sit(run_of(method, "rollback", kBroken + 1, more), resumed.path(), 2, with(faults));
    sit(run_of(method, "rollback", kSteps, more), resumed.path(), 2);

    const Outcome got(back.path()), want(told.path()), again(resumed.path());
    CHECK(equal(got, want));
    CHECK(equal(again, want));
    CHECK(losses(got) == losses(want));
    CHECK(losses(again) == losses(want));
    CHECK(logged(got) == std::vector<std::int64_t>{1, 2, 3, 4, 6, 7, 8});
    CHECK(logged(again) == logged(got));
    CHECK(left_out(got) == std::set{kBroken});
  }
}

// Step 5, and step 6 when 5 is left out: step 4 goes with them.
TEST_CASE("rollback: where leaving one batch out does not help, those before it are left out too",
          "[contract][dist][nonfinite]") {
  const test::TempFolder back, told;
  sit(run_of("simclr", "rollback", kSteps), back.path(), 2, with([](std::int64_t n) {
        return n == 5 || n == 7 ? std::optional(Fault{.rank = 1}) : std::nullopt;
      }));
  sit(run_of("simclr", "stop", 3), told.path(), 2);
  edit(told.path(), [](train::RunState& state) { state.left_out = {4, 5, 6}; });
  sit(run_of("simclr", "stop", kSteps), told.path(), 2);
  const Outcome got(back.path()), want(told.path());
  CHECK(equal(got, want));
  CHECK(losses(got) == losses(want));
  CHECK(logged(got) == std::vector<std::int64_t>{1, 2, 3, 7, 8});
  CHECK(left_out(got) == left_out(want));
}

// The one from a copy in memory, the other from disk.
TEST_CASE("rollback: it comes to the bits of skip", "[contract][dist][nonfinite]") {
  const std::map<std::string, std::vector<std::string>> methods = {
      {"dino", {"method.head.output_dim=64"}}, {"moco", {"method.queue=24", "method.split_bn=1"}}};
  for (const auto& [method, more] : methods) {
    INFO(method);
    const test::TempFolder back, skipped;
    for (const auto& [policy, folder] :
         {std::pair("rollback", back.path()), std::pair("skip", skipped.path())})
      sit(run_of(method, policy, kBroken + 1, more), folder, 2, with(once(kBroken, {.rank = 1})));
    const Outcome a(back.path()), b(skipped.path());
    CHECK(equal(a, b));
    CHECK(losses(a) == losses(b));
    CHECK(left_out(a) == left_out(b));
  }
}

// Every gradient is broken from the fifth that is computed on. From the checkpoint of step 3 on: step 5;
// step 4 when 5 is left out; step 6 without 4 and 5; step 7 without 4 to 6. The checkpoint of step 6 is
// written on the way, with the same weights.
TEST_CASE("rollback: the third time that does not help is the last, on all ranks",
          "[contract][dist][nonfinite]") {
  const test::TempFolder folder;
  std::atomic<int> computed = 0;
  const std::string text = refusal([&] {
    sit(run_of("simclr", "rollback", 20), folder.path(), 2, with([&](std::int64_t n) {
          computed = static_cast<int>(n);
          return n < 5 ? std::nullopt : std::optional(Fault{.rank = 1});
        }));
  });
  CHECK_THAT(text,
             Catch::Contains("at step 7 the loss is") &&
                 Catch::Contains("going back to step-00000006 has not helped 3 times"));
  CHECK(computed == 8);
  const Outcome left(folder.path());
  CHECK(left.saved.step == 6);
  CHECK(left_out(left) == std::set<std::int64_t>{4, 5, 6});
  CHECK(logged(left) == std::vector<std::int64_t>{1, 2, 3});
  const auto status = nlohmann::json::parse(read_file(folder.path("status.json")));
  CHECK(status.at("state") == "failed");
  CHECK(status.at("reason") == text);
}

TEST_CASE("rollback: without a checkpoint the run ends, and says why",
          "[contract][dist][nonfinite]") {
  const test::TempFolder folder;
  const std::string text = refusal([&] {
    sit(run_of("simclr", "rollback", 4), folder.path(), 2, with(once(2, Fault{.rank = 0})));
  });
  CHECK_THAT(text,
             Catch::Contains("at step 2 the loss is") &&
                 Catch::Contains("there is no checkpoint to go back to"));
}

TEST_CASE("replay: a step after one that was left out comes out as recorded",
          "[contract][nonfinite]") {
  const test::TempFolder folder;
  const WholeRun run = run_of("simclr", "skip", kSteps, {"checkpoint.keep_last=9"});
  sit(run, folder.path(), 1, with(once(kBroken, {Fault::In::kEmbeddings, kNan, 0})));
  const Outcome recorded(folder.path());
  const auto before =
      checkpoint::CheckpointStore(folder.path(), 2).load_latest(kBroken - 1).value();
  train::RunState start = train::decode_state(before.snapshot.state);
  CHECK(start.left_out.empty());
  start.left_out = left_out(recorded);
  const auto world = dist::single_world();
  for (const std::int64_t step : {kBroken - 1, kBroken + 1, kSteps}) {
    train::Trainer trainer({run.loaded, run.data, nullptr, *world, at::kCPU, ops::Precision::kFp32},
                           start,
                           &before.snapshot);
    CHECK(trainer.replay(step).loss == losses(recorded).at(step));
  }
}

TEST_CASE("stop: a rank's gradient that is not a number stops all before the step",
          "[contract][dist][nonfinite]") {
  const test::TempFolder folder;
  std::atomic<int> refused = 0;
  const WholeRun run = run_of("simclr", "stop", 2);
  test::run_ranks(3, [&](dist::World& plain) {
    Spoiled world(plain, once(1, Fault{.rank = 1}));
    std::optional<train::RunFolder> own;
    if (world.rank() == 0) own.emplace(folder.path());
    train::Trainer trainer(
        {run.loaded, run.data, own ? &*own : nullptr, world, at::kCPU, ops::Precision::kFp32},
        train::fingerprints(run.loaded, run.data),
        nullptr);
    refused += refusal([&] { trainer.run(); }).find("on_nonfinite: skip") != std::string::npos;
  });
  CHECK(refused == 3);
  CHECK(!checkpoint::CheckpointStore(folder.path(), 2).load_latest());
  CHECK(nlohmann::json::parse(read_file(folder.path("nonfinite.json"))).at("samples").size() == 12);
}

TEST_CASE("skip: ten steps in a row end the run, nine do not", "[contract][dist][nonfinite]") {
  for (const std::int64_t broken : {9, 10}) {
    INFO(broken);
    const test::TempFolder folder;
    const std::string text = refusal([&] {
      sit(run_of("simclr", "skip", 13), folder.path(), 2, with([=](std::int64_t n) {
            const bool bad = n > 2 && n <= 2 + broken;
            return bad ? std::optional(Fault{.rank = n % 2}) : std::nullopt;
          }));
    });
    CHECK((text.find("as 9 before it") != std::string::npos) == (broken == 10));
    CHECK(text.empty() == (broken == 9));
  }
}

TEST_CASE("skip: five hundred broken steps of all kinds never reach weights or moments",
          "[contract][dist][nonfinite]") {
  constexpr std::int64_t kTotal = 1001;
  const Faults faults = [](std::int64_t n) {  // every second step
    Rng rng(5, Purpose::kProbe, 0, static_cast<std::uint32_t>(n), 0);
    const double values[] = {kNan, kInf, -kInf};
    const Fault fault{.in = rng.below(2) == 0 ? Fault::In::kGradient : Fault::In::kEmbeddings,
                      .value = values[rng.below(3)],
                      .rank = rng.below(2)};
    return n % 2 == 0 ? std::optional(fault) : std::nullopt;
  };
  const test::TempFolder folder;
  sit(WholeRun("simclr",
               {"encoder={name: vit_tiny, depth: 1, patch_size: 8, image_size: 8}",
                "augmentations[0].ops[0].random_resized_crop.size=8",
                "data.train=synthetic:4x12",
                "train.batch_size=4",
                "train.on_nonfinite=skip",
                "optimizer={name: adamw, lr: 0.0001, weight_decay: 0}",
                "checkpoint.every_epochs=1000000",
                "schedule.epochs=" + std::to_string(kTotal)}),
      folder.path(),
      2,
      with(faults));
  const Outcome got(folder.path());
  CHECK(left_out(got).size() == 500);
  for (const auto& part : {got.saved.snapshot.model, got.saved.snapshot.optimizer}) {
    for (const auto& [name, tensor] : part) {
      INFO(name);
      CHECK(tensor.isfinite().all().item<bool>());
      if (name == "step") CHECK(tensor.item<std::int64_t>() == kTotal - 500);
    }
  }
}
