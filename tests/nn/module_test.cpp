#include "nn/module.h"

#include "base/error.h"
#include "base/thread_pool.h"
#include "nn/mlp.h"
#include "tests/support/torch_catch.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/ones.h>

#include <cmath>
#include <string>
#include <vector>

namespace {

using namespace sslrun;

std::vector<std::string> names(const nn::NamedTensors& tensors) {
  std::vector<std::string> out;
  for (const auto& [name, t] : tensors) out.push_back(name);
  return out;
}

at::Tensor find(const nn::Module& module, const std::string& wanted) {
  for (const auto& [name, t] : module.named_state()) {
    if (name == wanted) return t;
  }
  FAIL("no tensor '" << wanted << "'");
  return {};
}

}  // namespace

TEST_CASE("mlp: names are those of torch.nn.Sequential, ReLU counted", "[nn]") {
  nn::Init init(0);
  const nn::Mlp simclr({.widths = {8, 16, 4}, .output_norm = nn::Affine::kScale}, init);
  CHECK((names(simclr.named_parameters()) ==
         std::vector<std::string>{"0.weight", "1.weight", "1.bias", "3.weight", "4.weight"}));
  CHECK(names(simclr.named_buffers()).size() == 6);
  const nn::Mlp moco(
      {.widths = {8, 8, 4}, .hidden_norm = false, .hidden_bias = true, .output_bias = true}, init);
  CHECK((names(moco.named_parameters()) ==
         std::vector<std::string>{"0.weight", "0.bias", "2.weight", "2.bias"}));
}

TEST_CASE("batch_norm: train mode normalises by the batch and moves the statistics by a tenth",
          "[nn]") {
  nn::BatchNorm norm(2);
  nn::Init init(3);
  const at::Tensor x_NC = init.normal({64, 2}, 3) + 5;
  const at::Tensor y_NC = norm.forward(x_NC);
  CHECK(y_NC.mean().item<double>() == Approx(0).margin(1e-5));
  CHECK(y_NC.std({0}, false).max().item<double>() == Approx(1).epsilon(1e-4));
  CHECK((find(norm, "running_mean") - x_NC.mean({0}) * 0.1).abs().max().item<double>() < 1e-5);
  CHECK((find(norm, "running_var") - x_NC.var({0}, true) * 0.1 - 0.9).abs().max().item<double>() <
        1e-5);
  norm.train(false);
  const at::Tensor before = find(norm, "running_mean").clone();
  norm.forward(x_NC);
  CHECK(find(norm, "running_mean").equal(before));
  CHECK(find(norm, "num_batches_tracked").item<std::int64_t>() == 1);
}

TEST_CASE("init: values do not depend on the number of threads, ordinals differ", "[nn]") {
  const int threads = compute_threads();
  nn::Init a(5), b(5);
  const at::Tensor first = a.normal({37, 11}, 1), second = a.normal({37, 11}, 1);
  set_compute_threads(threads == 1 ? 3 : 1);
  CHECK(b.normal({37, 11}, 1).equal(first));
  set_compute_threads(threads);
  CHECK(!first.equal(second));
  const at::Tensor u = a.uniform({100, 100}, 0.5);
  CHECK(u.abs().max().item<double>() <= 0.5);
  CHECK(u.std().item<double>() == Approx(1 / std::sqrt(12.0)).epsilon(0.03));
}

TEST_CASE(
    "module: a parameter keeps its identity when its memory layout changes, and gradients reach it",
    "[nn]") {
  nn::Init init(0);
  nn::Mlp mlp({.widths = {3, 4, 2}}, init);
  const nn::NamedTensors before = mlp.named_parameters();
  mlp.to(at::kCPU);
  mlp.to_channels_last();
  mlp.forward(init.normal({8, 3}, 1)).square().sum().backward();
  for (const auto& [name, t] : before) {
    INFO(name);
    REQUIRE(t.grad().defined());
  }
}

TEST_CASE("load_state: copies by name, and names what differs", "[nn]") {
  nn::Init init(0);
  nn::Mlp a({.widths = {3, 4, 2}}, init), b({.widths = {3, 4, 2}}, init);
  nn::NamedTensors state = a.named_state();
  nn::load_state(b, state);
  CHECK(find(b, "3.weight").equal(find(a, "3.weight")));
  state[0].second = at::ones({4, 5});
  CHECK_THROWS_WITH(nn::load_state(b, state),
                    Catch::Contains("'0.weight' must have shape [4, 3], got [4, 5]"));
  state = a.named_state();
  state.pop_back();
  CHECK_THROWS_AS(nn::load_state(b, state), CheckpointError);
  state = a.named_state();
  state.emplace_back("head.weight", at::ones({1}));
  CHECK_THROWS_WITH(nn::load_state(b, state),
                    Catch::Contains("'head.weight' is no part of this network"));
}
