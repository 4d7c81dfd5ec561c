// DINOv2 written out in float64: who is masked how much, how targets are made, what is kept apart; and
// the same on two ranks.
#include "base/file.h"
#include "ops/koleo.h"
#include "ops/sinkhorn.h"
#include "ops/soft_cross_entropy.h"
#include "tests/dist/ranks.h"
#include "tests/methods/patch_setting.h"
#include "tests/support/torch_catch.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>

namespace {

using namespace sslrun;
using namespace sslrun::test;
using sslrun::methods::Mask;

// Four times the worst relative difference of float32 from float64 measured below: 2.2e-7.
constexpr double kTolerance = 9e-7;

std::string keys(const std::string& more) {
  return "{name: dinov2, student_temperature: 0.2, momentum: 0.8, center_momentum: 0.7, "
         "teacher_temperature: {start: 0.06, end: 0.1, warmup_epochs: 1}, koleo_weight: 0.3, head: "
         "{hidden_dim: 8, bottleneck_dim: 4, output_dim: 6}" +
         more + "}";
}

/// The masks of a step of this seed: 6 of 12 views in strata of (0.5 - 0.1) / 6.
std::vector<Mask> drawn(const std::vector<std::int64_t>& samples, std::uint32_t step) {
  std::vector<std::int64_t> strata(12);
  std::iota(strata.begin(), strata.end(), 0);
  Rng order(3, Purpose::kMethod, step, 0, 0);
  for (std::int64_t i = 11; i > 0; --i)
    std::swap(strata[std::size_t(i)], strata[std::size_t(order.below(i + 1))]);
  std::vector<Mask> masks;
  for (std::uint32_t view = 0; view < 2; ++view) {
    for (std::size_t i = 0; i < samples.size(); ++i) {
      const std::int64_t stratum = strata[view * 6 + i];
      Rng rng(3, Purpose::kMask, 0, static_cast<std::uint32_t>(samples[i]), view);
      const double width = 0.4 / 6, lowest = 0.1 + width * static_cast<double>(stratum);
      const double ratio = stratum < 6 ? rng.uniform(lowest, lowest + width) : 0;
      masks.push_back(methods::beit_mask({6, 6}, std::floor(ratio * 36), 4, 18, rng));
    }
  }
  return masks;
}

Tensor koleo(const Tensor& x) {
  const Tensor unit_rows = unit(x);
  Tensor sum = at::zeros({}, at::kDouble);
  for (std::int64_t i = 0; i < x.size(0); ++i) {
    double nearest = 9;
    for (std::int64_t j = 0; j < x.size(0); ++j)
      if (j != i) nearest = std::min(nearest, (unit_rows[i] - unit_rows[j]).norm().item<double>());
    sum = sum - std::log(nearest) / static_cast<double>(x.size(0));
  }
  return sum;
}

Tensor evenly(const Tensor& logits, double eps) {
  Tensor q = (logits / eps).exp();
  for (int i = 0; i < 3; ++i) {
    q = q / q.sum(0);
    q = q / q.sum(1, true);
  }
  return q;
}

}  // namespace

TEST_CASE("dinov2: the official patch loss by even shares on given masks", "[methods][loss]") {
  const auto golden = nlohmann::json::parse(
      read_file(std::string(SSLRUN_TEST_DIR) + "/golden/soft_targets.json"))["dinov2_patch"];
  const std::vector<Mask> masks{{1, 0, 0, 1, 1, 1},
                                {0, 0, 0, 0, 0, 0},
                                {0, 1, 0, 0, 0, 0},
                                {0, 1, 0, 0, 0, 0},
                                {0, 0, 0, 0, 0, 0},
                                {1, 0, 0, 1, 1, 1}};
  const methods::HiddenPatches hidden = methods::hidden_patches(masks, at::kCPU);
  const Tensor teacher = wave(10, 5, 0.2);
  const Tensor center = ops::sinkhorn_center(teacher, 0.06, 3, *dist::single_world());
  const Tensor targets = ops::centered_softmax(teacher, center, 0.06);
  for (std::int64_t i = 0; i < 10; ++i)
    for (std::int64_t j = 0; j < 5; ++j)
      CHECK(std::abs(targets[i][j].item<double>() -
                     double(golden["targets"][std::size_t(i)][std::size_t(j)])) < 1e-13);
  const Tensor loss = ops::weighted_self_distillation(
      wave(10, 5, 1.1), teacher, center, hidden.weights_T, 0.1, 0.06);
  CHECK(std::abs(loss.item<double>() / double(golden["loss"]) - 1) < 1e-13);
}

TEST_CASE("dinov2: class tokens, hidden patches and distances, by centres or even shares",
          "[methods]") {
  const bool even = GENERATE(false, true), separate = GENERATE(false, true);
  PatchSetting s(
      keys(std::string(even ? ", centering: sinkhorn" : "") +
           (separate ? ", separate_patch_head: true, patch_head: {hidden_dim: 7, bottleneck_dim: "
                       "3, output_dim: 5}"
                     : "")));
  disturb(*s.method, "teacher");
  s.samples = {4, 9, 0, 7, 2, 5};
  s.progress = {.step = 2, .total_steps = 20, .steps_per_epoch = 5};
  const double temperature = 0.06 + 0.04 * 2 / 4;  // by steps: the third of five
  const State state = s.state();
  const std::vector<Mask> masks = drawn(s.samples, 2);
  const Tensor mask = methods::hidden_patches(masks, at::kCPU).mask_NM;
  CHECK(mask.any(1).sum().item<std::int64_t>() == 6);
  const Tensor token = state.at("mask_token").to(at::kFloat);
  const TokensOf student(s.method->encoder(), s.globals(), mask, token);
  const TokensOf teacher(s.method->evaluated(), s.globals());
  const TokensOf local(s.method->encoder(), at::cat({s.views[2], s.views[3]}));
  const std::string patch_head = separate ? "patch_head" : "head";

  std::vector<Tensor> outputs;
  for (const Tensor& part : {student.class_token, local.class_token})
    for (const Tensor& view : part.chunk(2)) outputs.push_back(head_logits(state, "head", view));
  const Tensor teacher_class = head_logits(state, "teacher.head", teacher.class_token);
  const Tensor class_target =
      even ? evenly(teacher_class, temperature)
           : ((teacher_class - state.at("center.mean")) / temperature).softmax(-1);
  const Tensor flat = mask.flatten().nonzero().squeeze(1);
  const Tensor teacher_patches = head_logits(
      state, "teacher." + patch_head, teacher.patches.flatten(0, 1).index_select(0, flat));
  const Tensor patch_target =
      even ? evenly(teacher_patches, temperature)
           : ((teacher_patches - state.at("patch_center.mean")) / temperature).softmax(-1);
  const Tensor student_patches = head_logits(state, patch_head, student.patches);
  const Tensor target_NMK =
      at::zeros_like(student_patches).flatten(0, 1).index_copy(0, flat, patch_target);
  Tensor expected = class_loss(class_target.chunk(2), outputs, 0.2) +
                    patch_loss(target_NMK.view_as(student_patches), student_patches, mask, 0.2);
  for (const Tensor& view : student.class_token.chunk(2)) expected = expected + koleo(view) * 0.3;
  CHECK(std::abs(s.loss() / expected.item<double>() - 1) < kTolerance);

  s.method->after_step(s.progress);
  nn::follow(s.method->following(s.progress));
  const State after = s.state();
  const auto moved = [&](const char* name, const Tensor& rows) {
    const Tensor mean = even ? state.at(name) : state.at(name) * 0.7 + rows.mean(0) * 0.3;
    CHECK((after.at(name) - mean).abs().max().item<double>() < 1e-7);
  };
  moved("center.mean", teacher_class);
  moved("patch_center.mean", teacher_patches);  // of the hidden ones
  if (!separate) return;
  const double tau = 1 - 0.2 * (1 + std::cos(std::acos(-1.0) * 2 / 20)) / 2;
  const Tensor followed = state.at("teacher.patch_head.mlp.0.weight") * tau +
                          state.at("patch_head.mlp.0.weight") * (1 - tau);
  CHECK((after.at("teacher.patch_head.mlp.0.weight") - followed).abs().max().item<double>() < 1e-7);
}

TEST_CASE("dinov2: half of the views are masked in every step, others in the next, evenly spread",
          "[methods]") {
  const std::vector<std::int64_t> samples{0, 1, 2, 3, 4, 5};
  std::vector<Mask> last;
  for (std::uint32_t step = 0; step < 5; ++step) {
    const std::vector<Mask> masks = drawn(samples, step);
    std::vector<int> hidden;
    for (const Mask& mask : masks) hidden.push_back(std::accumulate(mask.begin(), mask.end(), 0));
    std::sort(hidden.begin(), hidden.end());
    CHECK(std::count(hidden.begin(), hidden.end(), 0) == 6);
    for (int i = 0; i < 6; ++i) CHECK(hidden[std::size_t(6 + i)] <= 36 * (0.1 + 0.4 / 6 * (i + 1)));
    CHECK(masks != last);
    last = masks;
  }
}

TEST_CASE("dinov2: two ranks compute what one does", "[methods]") {
  const std::string recipe = keys(GENERATE("", ", centering: sinkhorn"));
  PatchSetting whole(recipe);
  disturb(*whole.method, "teacher");
  whole.samples = {4, 9, 0, 7, 2, 5};
  const double expected = whole.loss();
  whole.method->after_step(whole.progress);
  std::array<double, 2> losses{};
  std::array<State, 2> states;
  run_ranks(2, [&](dist::World& world) {
    const at::NoGradGuard no_grad;
    PatchSetting part(recipe);
    disturb(*part.method, "teacher");
    const std::int64_t first = world.rank() * 3;
    for (Tensor& view : part.views) view = view.narrow(0, first, 3);
    part.samples.assign(whole.samples.begin() + first, whole.samples.begin() + first + 3);
    const auto r = static_cast<std::size_t>(world.rank());
    losses[r] = ops::value(
        part.method
            ->forward(part.views,
                      {.world = world, .progress = part.progress, .samples = part.samples})
            .loss);
    part.method->after_step(part.progress);
    states[r] = part.state();
  });
  CHECK(std::abs((losses[0] + losses[1]) / 2 / expected - 1) < kTolerance);
  for (const char* name : {"center.mean", "patch_center.mean"}) {
    CHECK(states[0].at(name).equal(states[1].at(name)));
    CHECK((states[0].at(name) - whole.state().at(name)).abs().max().item<double>() < 1e-7);
  }
}

TEST_CASE("dinov2: the last layers stay for the frozen epochs", "[methods]") {
  PatchSetting s(keys(", separate_patch_head: true"));
  for (const auto& [name, tensor] : s.method->named_parameters()) {
    INFO(name);
    const bool last = name.find("last_layer") != std::string::npos;
    CHECK(s.method->rule(name, 5).zero_lr_steps == (last ? 5 : 0));
  }
}
