// DINO written out in float64: who sees which views, when centre and teacher move, what is frozen.
#include "base/file.h"
#include "methods/center.h"
#include "methods/dino_head.h"
#include "tests/dist/ranks.h"
#include "tests/methods/distillation.h"
#include "tests/support/torch_catch.h"

#include <ATen/ops/cat.h>
#include <ATen/ops/zeros.h>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <numbers>

namespace {

using namespace sslrun;
using namespace sslrun::test;

// Four times the worst relative difference of float32 from float64 measured below: 9.8e-8.
constexpr double kTolerance = 4e-7;
const std::vector<std::int64_t> kSides = {4, 4, 2, 2, 2};

std::string keys(const std::string& more = "") {
  return "{name: dino, student_temperature: 0.2, momentum: 0.8, center_momentum: 0.7, "
         "teacher_temperature: {start: 0.05, end: 0.09, warmup_epochs: 4}, head: {hidden_dim: 8, "
         "bottleneck_dim: 4, output_dim: 6" +
         more + "}}";
}

std::vector<Tensor> outputs(const Setting& s, const State& state, const std::string& network) {
  const std::string encoder = network.empty() ? "encoder" : network + ".encoder";
  const std::string head = network.empty() ? "head" : network + ".head";
  std::vector<Tensor> out;
  for (std::size_t v = 0; v < s.views.size(); ++v)
    out.push_back(head_logits(state, head, features(state, encoder, s, v)));
  return out;
}

Tensor expected_loss(const Setting& s, const State& state, double teacher_temperature) {
  const std::vector<Tensor> student = outputs(s, state, ""), teacher = outputs(s, state, "teacher");
  Tensor loss = at::zeros({}, at::kDouble);
  int terms = 0;
  for (std::size_t q = 0; q < 2; ++q) {
    const Tensor target =
        ((teacher[q] - state.at("center.mean")) / teacher_temperature).softmax(-1);
    for (std::size_t v = 0; v < student.size(); ++v) {
      if (v == q) continue;
      loss = loss + soft_entropy(target, student[v], 0.2).mean();
      ++terms;
    }
  }
  return loss / terms;
}

}  // namespace

TEST_CASE(
    "dino: the student's views against the teacher's two global ones, centred by past outputs, at "
    "the epoch's temperature",
    "[methods]") {
  Setting s(keys(), kSides);
  s.progress.total_steps = 8;
  disturb(*s.method, "teacher");
  for (const auto& [name, tensor] : s.method->named_state())
    if (name == "center.mean") tensor.copy_(wave(1, 6, 0.3)[0] * 0.1);
  const double temperatures[] = {0.05, 0.05 + 0.04 / 3, 0.05 + 0.08 / 3, 0.09, 0.09};
  for (std::int64_t step = 0; step < 5; ++step) {
    s.progress.step = step;
    const Tensor expected = expected_loss(s, s.state(), temperatures[step]);
    CHECK(std::abs(s.loss() / expected.item<double>() - 1) < kTolerance);
  }
}

TEST_CASE(
    "dino: after the step the centre takes in the outputs that the teacher had, and the teacher "
    "follows the moved student",
    "[methods]") {
  Setting s(keys(), kSides);
  s.progress.total_steps = 8;
  s.progress.step = 3;
  disturb(*s.method, "teacher");
  const State before = s.state();
  const std::vector<Tensor> teacher = outputs(s, before, "teacher");
  s.step(0.5);
  const State after = s.state();
  const Tensor mean = at::cat({teacher[0], teacher[1]}).mean(0);
  CHECK((after.at("center.mean") - (before.at("center.mean") * 0.7 + mean * 0.3))
            .abs()
            .max()
            .item<double>() < 1e-7);
  const double tau = 1 - 0.2 * (1 + std::cos(std::numbers::pi * 3 / 8)) / 2;
  for (const char* part : {"encoder.weight", "head.mlp.0.weight", "head.last_layer.weight_v"}) {
    INFO(part);
    const std::string own = std::string("teacher.") + part;
    const Tensor moved = before.at(own) * tau + after.at(part) * (1 - tau);
    CHECK((after.at(own) - moved).abs().max().item<double>() < 1e-7);
  }
}

TEST_CASE("dino: the teacher starts as the student, without gradients, and is what is evaluated",
          "[methods]") {
  Setting s(keys(), kSides);
  const State state = s.state();
  CHECK(state.at("teacher.encoder.weight").equal(state.at("encoder.weight")));
  CHECK(state.at("teacher.head.last_layer.weight_v").equal(state.at("head.last_layer.weight_v")));
  for (const auto& [name, tensor] : s.method->named_parameters())
    CHECK(!name.starts_with("teacher"));
  const auto all = s.method->named_state();
  const auto own = std::find_if(
      all.begin(), all.end(), [](auto& item) { return item.first == "teacher.encoder.weight"; });
  CHECK(s.method->evaluated().named_state()[0].second.is_same(own->second));
}

TEST_CASE("dino: the last layer stays for its frozen epochs; rows keep length 1 unless trained",
          "[methods]") {
  const bool norm = GENERATE(true, false);
  Setting s(keys(norm ? "" : ", norm_last_layer: false"), kSides);
  s.progress.steps_per_epoch = 2;
  const auto optimizer = s.optimizer();
  const State start = s.state();
  for (int step = 0; step < 3; ++step) {
    optimizer->zero_grad();
    ops::backward(s.forward().loss, 1.0);
    optimizer->step(0.1);
    const State now = s.state();
    const auto same = [&](const char* name) { return now.at(name).equal(start.at(name)); };
    CHECK(same("head.last_layer.weight_v") == (step < 2));
    CHECK(same("head.last_layer.weight_g") == (norm || step < 2));
    CHECK(!same("head.mlp.4.weight"));
  }
}

TEST_CASE("dino: the temperature's warm-up is numpy's linspace", "[methods]") {
  const auto golden = nlohmann::json::parse(
      read_file(std::string(SSLRUN_TEST_DIR) + "/golden/soft_targets.json"))["dino"];
  const methods::TeacherTemperature warm{.start = 0.05, .end = 0.09, .warmup_epochs = 4};
  for (std::size_t epoch = 0; epoch < 10; ++epoch) {
    const double expected = golden["temperatures"][epoch];
    CHECK(std::abs(warm.at(static_cast<std::int64_t>(epoch)) - expected) < 1e-15);
  }
  CHECK(methods::TeacherTemperature{.start = 0.02, .end = 0.07, .warmup_epochs = 1}.at(0) == 0.02);
  CHECK(methods::TeacherTemperature{.start = 0.02, .end = 0.07, .warmup_epochs = 0}.at(0) == 0.07);
}

TEST_CASE("dino: the centre is the mean over ranks of different sizes, and stays where nothing is",
          "[methods]") {
  const Tensor rows = wave(7, 5, 1.2).to(at::kFloat);
  const std::array<std::int64_t, 3> ends{0, 2, 7};
  std::array<Tensor, 2> got;
  run_ranks(2, [&](dist::World& world) {
    const auto r = static_cast<std::size_t>(world.rank());
    methods::Center center(5, 0.9);
    center.observe(rows.slice(0, ends[r], ends[r] + 1), world);  // two micro-batches
    center.observe(rows.slice(0, ends[r] + 1, ends[r + 1]), world);
    center.update();
    center.update();
    center.observe(rows.slice(0, 0, 0), world);
    center.update();
    got[r] = center.value().clone();
  });
  CHECK((got[0] - rows.mean(0) * 0.1).abs().max().item<double>() < 1e-7);
  CHECK(got[0].equal(got[1]));
}

TEST_CASE("dino: the head has the published number of parameters and starts with unit rows",
          "[methods]") {
  nn::Init init(1);
  const methods::DinoHead head(384, {}, init);
  std::int64_t count = 0;
  for (const auto& [name, tensor] : head.named_weights()) count += tensor.numel();
  CHECK(count == 22352128);
}
