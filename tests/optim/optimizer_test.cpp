#include "optim/optimizer.h"

#include "base/error.h"
#include "base/file.h"
#include "checkpoint/safetensors.h"
#include "optim/adamw_config.h"
#include "optim/lamb_config.h"
#include "optim/lars_config.h"
#include "optim/sgd_config.h"
#include "tests/support/torch_catch.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/full.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>

#include <nlohmann/json.hpp>

#include <cmath>
#include <string>

namespace {

using namespace sslrun;
using nlohmann::json;

// From the largest difference measured over all cases, steps and parameters, which are of size 1.
constexpr double kDoubleTolerance =
    9e-16;  // float64: 5.6e-17; sine and fused steps round otherwise elsewhere: 4 ulp of 1
constexpr double kFloatTolerance = 2.9e-7;  // float32: 7.1e-8, times 4

const json& golden() {
  static const json content =
      json::parse(read_file(std::string(SSLRUN_TEST_DIR) + "/golden/optim.json"));
  return content;
}

/// The formula of tests/golden/optim.py.
at::Tensor wave(at::IntArrayRef shape, double ordinal) {
  const at::Tensor t = at::empty(shape, at::kDouble);
  for (std::int64_t k = 0; k < t.numel(); ++k) {
    t.mutable_data_ptr<double>()[k] = std::sin(12.9898 * static_cast<double>(k) + ordinal);
  }
  return t;
}

config::NamedComponent component(const json& c) {
  if (c["name"] == "sgd") {
    auto config = std::make_shared<optim::SgdConfig>();
    config->momentum = c["momentum"];
    config->nesterov = c["nesterov"];
    config->weight_decay = c["weight_decay"];
    config->decay_1d = c["decay_1d"];
    return {"sgd", config};
  }
  if (c["name"] == "adamw") {
    auto config = std::make_shared<optim::AdamWConfig>();
    config->beta1 = c["beta1"];
    config->beta2 = c["beta2"];
    config->eps = c["eps"];
    config->weight_decay = c["weight_decay"];
    if (c.contains("weight_decay_end")) config->weight_decay_end = c["weight_decay_end"];
    config->decay_1d = c["decay_1d"];
    return {"adamw", config};
  }
  if (c["name"] == "lamb") {
    auto config = std::make_shared<optim::LambConfig>();
    config->beta1 = c["beta1"];
    config->beta2 = c["beta2"];
    config->eps = c["eps"];
    config->weight_decay = c["weight_decay"];
    config->decay_1d = c["decay_1d"];
    return {"lamb", config};
  }
  auto config = std::make_shared<optim::LarsConfig>();
  config->momentum = c["momentum"];
  config->trust_coefficient = c["trust_coefficient"];
  config->weight_decay = c["weight_decay"];
  config->trust_ratio = c["trust_ratio"];
  config->clip_lr = c["clip_lr"];
  config->exclude_1d = c["exclude_1d"];
  config->lr_scale_1d = c["lr_scale_1d"];
  return {"lars", config};
}

/// The parameters with the case's rules for some of them.
std::vector<optim::Trained> with_rules(const nn::NamedTensors& parameters, const json& c) {
  std::vector<optim::Trained> out;
  for (const auto& [name, tensor] : parameters) {
    const json rule = c.value("rules", json::object()).value(name, json::object());
    out.push_back({name,
                   tensor,
                   {.lr_scale = rule.value("lr_scale", 1.0),
                    .constant_lr = rule.value("constant_lr", false),
                    .frozen_steps = rule.value("frozen_steps", std::int64_t{0}),
                    .zero_lr_steps = rule.value("zero_lr_steps", std::int64_t{0})}});
  }
  return out;
}

/// The parameters of the golden script; conv.weight channels last where asked.
nn::NamedTensors start(at::ScalarType dtype, bool channels_last) {
  nn::NamedTensors out;
  for (const char* name : {"conv.weight", "fc.weight", "fc.bias", "zero.weight", "scale"}) {
    const auto shape = golden()["shapes"][name].get<std::vector<std::int64_t>>();
    at::Tensor t = name[0] == 'z' ? at::zeros(shape, at::kDouble)
                                  : wave(shape, static_cast<double>(out.size())) * 0.5;
    t = t.to(dtype);
    if (channels_last && t.dim() == 4) t = t.contiguous(at::MemoryFormat::ChannelsLast);
    out.emplace_back(name, t.requires_grad_(true));
  }
  return out;
}

void set_gradients(nn::NamedTensors& parameters, std::int64_t step) {
  double ordinal = 100 + 10 * static_cast<double>(step);
  for (auto& [name, t] : parameters)
    t.mutable_grad() = wave(t.sizes(), ordinal++).to(t.scalar_type());
}

double difference(const at::Tensor& got, const json& expected) {
  const at::Tensor flat = got.detach().contiguous().flatten().to(at::kDouble);
  REQUIRE(static_cast<std::size_t>(flat.numel()) == expected.size());
  double worst = 0;
  for (std::size_t i = 0; i < expected.size(); ++i) {
    worst = std::max(worst, std::abs(flat.const_data_ptr<double>()[i] - expected[i].get<double>()));
  }
  return std::isfinite(flat.sum().item<double>()) ? worst : INFINITY;
}

double max_difference(const at::Tensor& got, const std::vector<double>& expected) {
  return difference(got, json(expected));
}

nn::NamedTensors matrix() {
  return {{"w", at::tensor({0.5, -0.3, 0.2, 0.1}, at::kDouble).view({2, 2}).requires_grad_(true)}};
}

at::Tensor matrix_gradient() {
  return at::tensor({0.1, 0.2, -0.1, 0.05}, at::kDouble).view({2, 2});
}

}  // namespace

TEST_CASE(
    "optimizer: five steps are those of PyTorch, of timm and of the published LARS, with rules for "
    "single "
    "parameters too",
    "[optim]") {
  const at::ScalarType dtype = GENERATE(at::kDouble, at::kFloat);
  const bool channels_last = GENERATE(false, true);
  for (const json& c : golden()["cases"]) {
    nn::NamedTensors parameters = start(dtype, channels_last);
    const auto optimizer = optim::make_optimizer(component(c), with_rules(parameters, c));
    for (std::size_t step = 0; step < c["steps"].size(); ++step) {
      set_gradients(parameters, static_cast<std::int64_t>(step));
      optimizer->step(
          {.lr = golden()["rates"][step],
           .peak_lr = golden()["peak"],
           .share = static_cast<double>(step) / static_cast<double>(c["steps"].size())});
      for (const auto& [name, t] : parameters) {
        INFO(c["name"] << " step " << step << " " << name);
        const double tolerance = dtype == at::kDouble ? kDoubleTolerance : kFloatTolerance;
        CHECK(difference(t, c["steps"][step][name]) < tolerance);
      }
    }
  }
}

TEST_CASE(
    "optimizer: what follows moves by 1 - tau towards the moved weights, and moves none of them",
    "[optim][ema]") {
  const at::ScalarType dtype = GENERATE(at::kDouble, at::kFloat);
  const bool channels_last = GENERATE(false, true);
  const double tau = 0.75;
  double worst = 0;
  for (const json& c : golden()["cases"]) {
    nn::NamedTensors parameters = start(dtype, channels_last), alone = start(dtype, channels_last);
    const auto optimizer = optim::make_optimizer(component(c), with_rules(parameters, c)),
               bare = optim::make_optimizer(component(c), with_rules(alone, c));
    nn::Following following{.tau = tau};
    const auto add = [&](const at::Tensor& leader) {
      following.leaders.push_back(leader);
      following.followers.push_back(leader.detach() * 0.5 + 0.1);
    };
    for (const auto& [name, t] : parameters)
      if (name != "fc.weight") add(t);
    add(wave({3, 2}, 0.7).to(dtype));  // no parameter: a frozen weight
    for (std::int64_t step = 0; step < 4; ++step) {
      std::vector<at::Tensor> before;
      for (const at::Tensor& t : following.followers)
        before.push_back(t.to(at::kDouble, false, /*copy=*/true));
      set_gradients(parameters, step);
      set_gradients(alone, step);
      optimizer->step(0.1, following);
      bare->step(0.1);
      for (std::size_t i = 0; i < before.size(); ++i) {
        INFO(c["name"] << " step " << step << " pair " << i);
        const at::Tensor expected =
            before[i] * tau + following.leaders[i].detach().to(at::kDouble) * (1 - tau);
        worst = std::max(worst, (following.followers[i] - expected).abs().max().item<double>());
      }
      for (std::size_t i = 0; i < parameters.size(); ++i)
        CHECK(parameters[i].second.equal(alone[i].second));
    }
  }
  CAPTURE(worst);
  CHECK(worst < (dtype == at::kDouble ? kDoubleTolerance : kFloatTolerance));
}

TEST_CASE("lars: two steps of the worked example, and a length of zero scales by one",
          "[optim][lars]") {
  // Printed with 8 decimals by an independent transcription of the published code in float64.
  const std::vector<std::vector<double>> expected = {{.49995001, -.30009991, .20004995, .09997501},
                                                     {.49985504, -.30028974, .20014486, .09992754}};
  auto config = std::make_shared<optim::LarsConfig>();
  config->weight_decay = 1e-4;
  nn::NamedTensors parameters = matrix();
  const auto optimizer = optim::make_optimizer({"lars", config}, parameters);
  for (const auto& want : expected) {
    parameters[0].second.mutable_grad() = matrix_gradient();
    optimizer->step(0.2);
    CHECK(max_difference(parameters[0].second, want) < 0.6e-8);
  }
  nn::NamedTensors still = {{"w", at::zeros({2, 2}).requires_grad_(true)},
                            {"v", at::ones({2, 2}).requires_grad_(true)}};
  config->weight_decay = 0;
  const auto other = optim::make_optimizer({"lars", config}, still);
  still[0].second.mutable_grad() = at::ones({2, 2});
  still[1].second.mutable_grad() = at::zeros({2, 2});
  other->step(0.5);
  CHECK(max_difference(still[0].second, {-.5, -.5, -.5, -.5}) == 0);
  CHECK(max_difference(still[1].second, {1, 1, 1, 1}) == 0);
}

TEST_CASE("lars: with separate norms a tensor without a gradient is not decayed", "[optim][lars]") {
  auto config = std::make_shared<optim::LarsConfig>();
  config->trust_ratio = "separate";
  config->weight_decay = 0.1;
  nn::NamedTensors still = {{"v", at::ones({2, 2}).requires_grad_(true)}};
  const auto optimizer = optim::make_optimizer({"lars", config}, still);
  still[0].second.mutable_grad() = at::zeros({2, 2});
  optimizer->step(0.5);
  CHECK(max_difference(still[0].second, {1, 1, 1, 1}) == 0);
}

TEST_CASE("adamw: the first step of the worked example", "[optim][adamw]") {
  nn::NamedTensors parameters = matrix();
  const auto optimizer =
      optim::make_optimizer({"adamw", std::make_shared<optim::AdamWConfig>()}, parameters);
  parameters[0].second.mutable_grad() = matrix_gradient();
  optimizer->step(1e-3);
  CHECK(max_difference(parameters[0].second, {.498975, -.300985, .20099, .098995}) < 1e-9);
}

TEST_CASE("lamb: the first step of the worked example", "[optim][lamb]") {
  // Printed with 8 decimals by an independent transcription of timm's code in float64.
  nn::NamedTensors parameters = matrix();
  const auto optimizer =
      optim::make_optimizer({"lamb", std::make_shared<optim::LambConfig>()}, parameters);
  parameters[0].second.mutable_grad() = matrix_gradient();
  optimizer->step(1e-3);
  CHECK(max_difference(parameters[0].second, {.49968627, -.30031124, .20031155, .09968752}) <
        0.6e-8);
}

TEST_CASE("optimizer: a restored one goes on bit for bit", "[optim]") {
  for (const json& c : golden()["cases"]) {
    INFO(c["name"]);
    nn::NamedTensors kept = start(at::kFloat, true);
    const auto whole = optim::make_optimizer(component(c), with_rules(kept, c));
    for (std::int64_t step = 0; step < 3; ++step) {
      set_gradients(kept, step);
      whole->step(0.1);
    }
    // Through the file format, as a checkpoint does.
    const auto bytes = checkpoint::encode_safetensors({.tensors = whole->state(), .metadata = {}});
    nn::NamedTensors restored = start(at::kFloat, true);
    for (std::size_t i = 0; i < kept.size(); ++i)
      restored[i].second.detach().copy_(kept[i].second.detach());
    const auto resumed = optim::make_optimizer(component(c), with_rules(restored, c));
    resumed->load_state(checkpoint::decode_safetensors(bytes, "memory").tensors);
    for (std::int64_t step = 3; step < 6; ++step) {
      set_gradients(kept, step);
      whole->step(0.05);
      set_gradients(restored, step);
      resumed->step(0.05);
      for (std::size_t i = 0; i < kept.size(); ++i)
        REQUIRE(restored[i].second.equal(kept[i].second));
    }
    const nn::NamedTensors a = whole->state(), b = resumed->state();
    for (std::size_t i = 0; i < a.size(); ++i) {
      CHECK(a[i].first == b[i].first);
      CHECK(a[i].second.equal(b[i].second));
    }
  }
}

TEST_CASE("optimizer: names of the state are stable", "[optim]") {
  const auto names = [](const char* name, std::shared_ptr<config::Component> config) {
    nn::NamedTensors parameters = {{"b", at::ones({2}).requires_grad_(true)},
                                   {"a.w", at::ones({2, 2}).requires_grad_(true)}};
    std::vector<std::string> out;
    for (const auto& [entry, t] : optim::make_optimizer({name, config}, parameters)->state())
      out.push_back(entry);
    return out;
  };
  using Names = std::vector<std::string>;
  CHECK((names("adamw", std::make_shared<optim::AdamWConfig>()) ==
         Names{"exp_avg.b", "exp_avg_sq.b", "exp_avg.a.w", "exp_avg_sq.a.w", "step"}));
  CHECK((names("lamb", std::make_shared<optim::LambConfig>()) ==
         Names{"exp_avg.b", "exp_avg_sq.b", "exp_avg.a.w", "exp_avg_sq.a.w", "step"}));
  CHECK((names("lars", std::make_shared<optim::LarsConfig>()) ==
         Names{"momentum.b", "momentum.a.w", "step"}));
  auto plain = std::make_shared<optim::SgdConfig>();
  CHECK((names("sgd", plain) == Names{"momentum.b", "momentum.a.w", "step"}));
  plain->momentum = 0;
  CHECK(names("sgd", plain) == Names{"step"});
}

TEST_CASE("optimizer: a state of another network is refused by name, and changes nothing",
          "[optim]") {
  nn::NamedTensors parameters = {{"w", at::ones({2, 3}).requires_grad_(true)}};
  const auto optimizer =
      optim::make_optimizer({"lars", std::make_shared<optim::LarsConfig>()}, parameters);
  const at::Tensor step = at::full({}, 7, at::kLong);
  CHECK_THROWS_WITH(optimizer->load_state({{"momentum.w", at::ones({3, 2})}, {"step", step}}),
                    Catch::Contains("'momentum.w' must have shape [2, 3], got [3, 2]"));
  CHECK_THROWS_WITH(optimizer->load_state({{"step", step}}),
                    Catch::Contains("'momentum.w' is missing"));
  CHECK_THROWS_WITH(
      optimizer->load_state(
          {{"momentum.w", at::ones({2, 3})}, {"exp_avg.w", at::ones({2, 3})}, {"step", step}}),
      Catch::Contains("'exp_avg.w' is no part of this optimizer"));
  CHECK_THROWS_AS(optimizer->load_state({{"momentum.w", at::ones({2, 3})}}), CheckpointError);
  for (const auto& [name, t] : optimizer->state()) CHECK(t.abs().max().item<double>() == 0);
}

TEST_CASE("optimizer: a missing gradient is a bug and moves no parameter", "[optim]") {
  nn::NamedTensors parameters = start(at::kFloat, false);
  const auto optimizer =
      optim::make_optimizer({"sgd", std::make_shared<optim::SgdConfig>()}, parameters);
  set_gradients(parameters, 0);
  const at::Tensor before = parameters[0].second.detach().clone();
  parameters.back().second.mutable_grad().reset();
  CHECK_THROWS_WITH(optimizer->step(0.1), Catch::Contains("'scale' has a gradient"));
  CHECK(parameters[0].second.equal(before));
  optimizer->zero_grad();
  for (const auto& [name, t] : parameters) CHECK(!t.grad().defined());
}

TEST_CASE("optimizer: a frozen parameter needs no gradient until it thaws", "[optim]") {
  nn::NamedTensors parameters = start(at::kFloat, false);
  std::vector<optim::Trained> trained = with_rules(parameters, json::object());
  trained.back().rule.frozen_steps = 1;
  const auto optimizer =
      optim::make_optimizer({"adamw", std::make_shared<optim::AdamWConfig>()}, trained);
  set_gradients(parameters, 0);
  parameters.back().second.mutable_grad().reset();
  const at::Tensor before = parameters.back().second.detach().clone();
  optimizer->step(0.1);
  CHECK(parameters.back().second.equal(before));
  CHECK_THROWS_WITH(optimizer->step(0.1), Catch::Contains("'scale' has a gradient"));
}

TEST_CASE("optimizer: the weight decay and the momentum that it tells are those it steps by",
          "[optim]") {
  // Without a gradient AdamW's step is the decay alone.
  auto adamw = std::make_shared<optim::AdamWConfig>();
  adamw->weight_decay = 0.04;
  adamw->weight_decay_end = 0.4;
  adamw->beta1 = 0.8;
  nn::NamedTensors decayed = matrix();
  const auto first = optim::make_optimizer({"adamw", adamw}, decayed);
  for (const double share : {0.0, 0.25, 0.5, 1.0}) {
    const at::Tensor before = decayed[0].second.detach().clone();
    decayed[0].second.mutable_grad() = at::zeros({2, 2}, at::kDouble);
    first->step({.lr = 0.1, .peak_lr = 0.1, .share = share});
    const at::Tensor kept = decayed[0].second.detach() / before;
    CHECK(1 - kept.min().item<double>() == Approx(0.1 * first->weight_decay(share)));
  }
  CHECK(first->weight_decay(0) == Approx(0.04));
  CHECK(first->weight_decay(1) == Approx(0.4));
  decayed[0].second.mutable_grad() = at::ones({2, 2}, at::kDouble);
  first->step(0.1);
  CHECK(first->state()[0].second.max().item<double>() == Approx(1 - first->momentum()));
  // The second of two equal gradients moves it 1 + momentum times as far as the first.
  const auto check = [](const config::NamedComponent& component, double momentum, double decay) {
    INFO(component.name);
    nn::NamedTensors moved = {{"b", at::zeros({2}, at::kDouble).requires_grad_(true)}};
    const auto optimizer = optim::make_optimizer(component, moved);
    double places[3] = {};
    for (int i = 1; i < 3; ++i) {
      moved[0].second.mutable_grad() = at::ones({2}, at::kDouble);
      optimizer->step(1e-6);
      places[i] = moved[0].second.max().item<double>();
    }
    CHECK(places[2] / places[1] - 1 == Approx(1 + momentum).epsilon(1e-5));
    CHECK(optimizer->momentum() == momentum);
    CHECK(optimizer->weight_decay(0.5) == decay);
  };
  auto sgd = std::make_shared<optim::SgdConfig>();
  sgd->momentum = 0.7;
  sgd->weight_decay = 0.03;
  check({"sgd", sgd}, 0.7, 0.03);
  auto lars = std::make_shared<optim::LarsConfig>();
  lars->momentum = 0.6;
  lars->weight_decay = 0.02;
  check({"lars", lars}, 0.6, 0.02);
}
