// iBOT written out in float64: what is hidden from whom, which patches count how much, what the two
// centres are means of.
#include "base/file.h"
#include "ops/rows.h"
#include "ops/soft_cross_entropy.h"
#include "tests/methods/patch_setting.h"
#include "tests/support/torch_catch.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <numeric>

namespace {

using namespace sslrun;
using namespace sslrun::test;
using sslrun::methods::Mask;

// Four times the worst relative difference of float32 from float64 measured below: 5e-8.
constexpr double kTolerance = 2e-7;

std::string keys(const std::string& more) {
  return "{name: ibot, student_temperature: 0.2, momentum: 0.8, center_momentum: 0.7, "
         "teacher_temperature: {start: 0.05, end: 0.05}, patch_teacher_temperature: {start: 0.06, "
         "end: 0.1, warmup_epochs: 3}, head: {hidden_dim: 8, bottleneck_dim: 4, output_dim: 6}" +
         more + "}";
}

/// The masks that a run with this seed draws in an epoch: view 0 of all images, then view 1.
std::vector<Mask> drawn(const std::vector<std::int64_t>& samples, std::uint32_t epoch) {
  std::vector<Mask> masks;
  for (std::uint32_t view = 0; view < 2; ++view) {
    for (const std::int64_t sample : samples) {
      Rng rng(3, Purpose::kMask, epoch, static_cast<std::uint32_t>(sample), view);
      const double ratio = rng.uniform() < 0.5 ? rng.uniform(0.1, 0.5) : 0;
      masks.push_back(methods::beit_mask({6, 6}, ratio * 36, 4, 36, rng));
    }
  }
  return masks;
}

Tensor logits(const State& state, const std::string& head, bool shared, const Tensor& x) {
  return logits_of(
      state, head + (shared ? ".last_layer" : ".last_layer2"), bottleneck(state, head, x));
}

}  // namespace

TEST_CASE("beit_mask: never more than the target, in blocks, and nearly the target", "[methods]") {
  double filled = 0;
  for (std::uint32_t i = 0; i < 500; ++i) {
    Rng rng(1, Purpose::kMask, 0, i, 0);
    const double target = 14 * 14 * rng.uniform(0.1, 0.5);
    const Mask mask = methods::beit_mask({14, 14}, target, 16, 196, rng);
    const int hidden = std::accumulate(mask.begin(), mask.end(), 0);
    CHECK(hidden <= target);
    filled += hidden / target / 500;
    int lonely = 0;  // a hidden patch without a hidden neighbour in its row and column
    for (int p = 0; p < 196; ++p) {
      if (!mask[std::size_t(p)]) continue;
      const int y = p / 14, x = p % 14;
      const auto at = [&](int r, int c) {
        return r >= 0 && r < 14 && c >= 0 && c < 14 && mask[std::size_t(r * 14 + c)] != 0;
      };
      lonely += !at(y, x - 1) && !at(y, x + 1) && !at(y - 1, x) && !at(y + 1, x);
    }
    CHECK(lonely <= 1);
  }
  CHECK(filled > 0.9);
  Rng rng(1, Purpose::kMask, 0, 0, 0);
  const Mask none = methods::beit_mask({14, 14}, 0, 16, 196, rng);
  CHECK(std::count(none.begin(), none.end(), 1) == 0);
}

TEST_CASE("beit_mask: one block covers at most its share, and its draws decide it", "[methods]") {
  int different = 0;
  for (std::uint32_t i = 0; i < 100; ++i) {
    Rng a(1, Purpose::kMask, 0, i, 0), b(1, Purpose::kMask, 0, i, 0), c(1, Purpose::kMask, 0, i, 1);
    const Mask one = methods::beit_mask({8, 10}, 20, 4, 7, a);
    CHECK(one == methods::beit_mask({8, 10}, 20, 4, 7, b));
    different += one != methods::beit_mask({8, 10}, 20, 4, 7, c);
    CHECK(std::accumulate(one.begin(), one.end(), 0) <= 20);
  }
  CHECK(different > 90);
}

TEST_CASE("hidden_patches: views weigh the same however many patches they hide", "[methods]") {
  const std::vector<Mask> masks{{1, 0, 1, 1}, {0, 0, 0, 0}, {0, 1, 0, 0}};
  const methods::HiddenPatches hidden = methods::hidden_patches(masks, at::kCPU);
  const std::array<std::int64_t, 4> places{0, 2, 3, 9};
  CHECK(hidden.places_T.equal(ops::indices(places, at::kCPU)));
  CHECK((hidden.weights_T.narrow(0, 0, 3) - 1.0 / 9).abs().max().item<double>() < 1e-7);
  CHECK(hidden.weights_T[3].item<double>() == Approx(1.0 / 3));
  CHECK(hidden.mask_NM[0].to(at::kLong).sum().item<std::int64_t>() == 3);
}

TEST_CASE("ibot: the official loss and gradient on given masks", "[methods][loss]") {
  const auto golden = nlohmann::json::parse(
      read_file(std::string(SSLRUN_TEST_DIR) + "/golden/soft_targets.json"))["ibot"];
  const std::vector<Mask> masks{{1, 0, 0, 1, 1, 1},
                                {0, 0, 0, 0, 0, 0},
                                {0, 1, 0, 0, 0, 0},
                                {0, 1, 0, 0, 0, 0},
                                {0, 0, 0, 0, 0, 0},
                                {1, 0, 0, 1, 1, 1}};
  const methods::HiddenPatches hidden = methods::hidden_patches(masks, at::kCPU);
  const Tensor zero = at::zeros({6}, at::kDouble), zero_patch = at::zeros({5}, at::kDouble);
  const Tensor student = at::cat({wave(6, 6, 0.9), wave(6, 6, 2.9)}).view({4, 3, 6});
  const Tensor classes =
      ops::self_distillation(student, wave(6, 6, 1.9).view({2, 3, 6}), zero, 0.1, 0.05);
  CHECK(std::abs(classes.item<double>() / double(golden["cls"]) - 1) < 1e-13);
  const Tensor patches = leaf(wave(36, 5, 1.1));
  const Tensor loss =
      ops::weighted_self_distillation(patches.index_select(0, hidden.places_T),
                                      wave(36, 5, 0.2).index_select(0, hidden.places_T),
                                      zero_patch,
                                      hidden.weights_T,
                                      0.1,
                                      0.06);
  CHECK(std::abs(loss.item<double>() / double(golden["patch"]) - 1) < 1e-13);
  loss.backward();
  for (std::int64_t i = 0; i < 36; ++i) {
    for (std::int64_t j = 0; j < 5; ++j) {
      const double expected = golden["gradient"][std::size_t(i)][std::size_t(j)];
      CHECK(std::abs(patches.grad()[i][j].item<double>() - expected) < 1e-14);
    }
  }
}

TEST_CASE(
    "ibot: the student without the hidden patches against the teacher with them, one head or two",
    "[methods]") {
  const bool shared = GENERATE(true, false);
  PatchSetting s(keys(shared ? "" : ", shared_head: false, patch_output_dim: 7"));
  disturb(*s.method, "teacher");
  s.samples = {4, 9, 0, 7, 2, 5};
  s.progress.step = 1;  // of one step each epoch: the second of the warm-up's three
  const State state = s.state();
  const std::vector<Mask> masks = drawn(s.samples, 1);
  const Tensor mask = methods::hidden_patches(masks, at::kCPU).mask_NM;
  REQUIRE(mask.any().item<bool>());
  REQUIRE(!mask.any(1).all().item<bool>());  // some views hide nothing
  const Tensor token = state.at("mask_token").to(at::kFloat);
  const TokensOf student(s.method->encoder(), s.globals(), mask, token);
  const TokensOf teacher(s.method->evaluated(), s.globals());
  const TokensOf local(s.method->encoder(), at::cat({s.views[2], s.views[3]}));

  std::vector<Tensor> outputs, targets;
  for (const Tensor& part : {student.class_token, local.class_token})
    for (const Tensor& view : part.chunk(2)) outputs.push_back(head_logits(state, "head", view));
  const Tensor teacher_class = head_logits(state, "teacher.head", teacher.class_token);
  for (const Tensor& view : teacher_class.chunk(2))
    targets.push_back(((view - state.at("center.mean")) / 0.05).softmax(-1));
  const Tensor teacher_patches = logits(state, "teacher.head", shared, teacher.patches);
  const Tensor patch_target =
      ((teacher_patches - state.at("patch_center.mean")) / 0.08).softmax(-1);
  const Tensor expected =
      class_loss(targets, outputs, 0.2) +
      patch_loss(patch_target, logits(state, "head", shared, student.patches), mask, 0.2);
  CHECK(std::abs(s.loss() / expected.item<double>() - 1) < kTolerance);

  s.method->after_step(s.progress);
  const State after = s.state();
  const Tensor classes_mean = state.at("center.mean") * 0.7 + teacher_class.mean(0) * 0.3;
  const Tensor patches_mean = state.at("patch_center.mean") * 0.7 +
                              teacher_patches.flatten(0, 1).mean(0) * 0.3;  // all patches
  CHECK((after.at("center.mean") - classes_mean).abs().max().item<double>() < 1e-7);
  CHECK((after.at("patch_center.mean") - patches_mean).abs().max().item<double>() < 1e-7);
}

TEST_CASE("ibot: nothing hidden costs nothing, and every parameter still has a gradient",
          "[methods]") {
  PatchSetting s(keys(", mask_ratio: [0.01, 0.01], shared_head: false, patch_output_dim: 7"));
  const methods::StepResult result = s.forward();
  for (const auto& [name, value] : result.scalars)
    if (name == "patch_loss") CHECK(ops::value(value) == 0);
  ops::backward(result.loss, 1.0);
  for (const auto& [name, tensor] : s.method->named_parameters()) {
    INFO(name);
    REQUIRE(tensor.grad().defined());
    CHECK(tensor.grad().isfinite().all().item<bool>());
  }
}

TEST_CASE("ibot: both last layers stay for the frozen epochs", "[methods]") {
  PatchSetting s(keys(", shared_head: false, patch_output_dim: 7"));
  for (const auto& [name, tensor] : s.method->named_parameters()) {
    const bool last = name == "head.last_layer.weight_v" || name == "head.last_layer2.weight_v";
    CHECK(s.method->rule(name, 5).frozen_steps == (last ? 5 : 0));
  }
}
