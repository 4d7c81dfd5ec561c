#include "nn/ema.h"

#include "base/error.h"
#include "nn/batch_norm.h"
#include "nn/mlp.h"
#include "tests/support/torch_catch.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/randn.h>

#include <cmath>

namespace {

using namespace sslrun;

struct Net {
  explicit Net(std::uint32_t seed) : init(seed), mlp({.widths = {3, 4, 2}}, init) {}

  nn::Init init;
  nn::Mlp mlp;
};

}  // namespace

TEST_CASE("ema: a follower starts equal, is frozen, and moves by 1 - tau", "[nn][ema]") {
  Net leader(1), follower(2);
  nn::start_following(follower.mlp, leader.mlp);
  CHECK(follower.mlp.named_parameters().empty());
  REQUIRE(follower.mlp.named_weights().size() == leader.mlp.named_parameters().size());
  CHECK(follower.mlp.named_state().size() == leader.mlp.named_state().size());
  std::vector<at::Tensor> before;
  for (const auto& [name, tensor] : leader.mlp.named_parameters()) {
    before.push_back(tensor.detach().clone());
    tensor.detach().add_(1.0);
  }
  nn::Following following{.tau = 0.75};
  following.add(follower.mlp, leader.mlp);
  nn::follow(following);
  const nn::NamedTensors moved = follower.mlp.named_weights();
  for (std::size_t i = 0; i < moved.size(); ++i) {
    INFO(moved[i].first);
    CHECK((moved[i].second - before[i] - 0.25).abs().max().item<float>() < 1e-6);
    CHECK(!moved[i].second.requires_grad());
  }
}

TEST_CASE("ema: the distance is that of all parameters together, as a share of the leader's length",
          "[nn][ema]") {
  Net leader(1), follower(2);
  nn::start_following(follower.mlp, leader.mlp);
  CHECK(nn::ema_distance(follower.mlp, leader.mlp).item<float>() == 0);
  leader.mlp.forward(at::randn({8, 3}));  // running statistics are no parameters
  CHECK(nn::ema_distance(follower.mlp, leader.mlp).item<float>() == 0);
  double apart = 0, length = 0;
  const nn::NamedTensors own = leader.mlp.named_weights(), moved = follower.mlp.named_weights();
  for (std::size_t i = 0; i < own.size(); ++i) {
    const double by = 0.1 * static_cast<double>(i + 1);  // another for each: no mean of ratios
    moved[i].second.detach().add_(by);
    apart += by * by * static_cast<double>(own[i].second.numel());
    length += own[i].second.detach().to(at::kDouble).square().sum().item<double>();
  }
  // One rounding of float32.
  CHECK(nn::ema_distance(follower.mlp, leader.mlp).item<double>() ==
        Approx(std::sqrt(apart / length)).epsilon(1.2e-7));
}

TEST_CASE("ema: running statistics stay the follower's own", "[nn][ema]") {
  Net leader(1), follower(2);
  nn::start_following(follower.mlp, leader.mlp);
  leader.mlp.forward(at::randn({8, 3}));
  nn::Following following{.tau = 0};
  following.add(follower.mlp, leader.mlp);
  nn::follow(following);
  for (const auto& [name, tensor] : follower.mlp.named_buffers()) {
    if (name.ends_with("running_mean")) CHECK(tensor.abs().max().item<float>() == 0);
  }
}

TEST_CASE(
    "batch norm: split in groups it is so many batch norms, and its running statistics are their "
    "mean",
    "[nn][batch_norm]") {
  const at::Tensor x = at::randn({12, 5, 2, 2});
  nn::BatchNorm split(5), first(5), second(5), third(5);
  split.split(3);
  const at::Tensor y = split.forward(x);
  const at::Tensor parts = at::cat({first.forward(x.narrow(0, 0, 4)),
                                    second.forward(x.narrow(0, 4, 4)),
                                    third.forward(x.narrow(0, 8, 4))},
                                   0);
  CHECK(y.equal(parts));
  (y * x).sum().backward();
  for (const auto& [name, tensor] : split.named_parameters()) CHECK(tensor.grad().defined());
  for (const char* name : {"running_mean", "running_var"}) {
    const auto of = [&](const nn::BatchNorm& norm) {
      for (const auto& [key, tensor] : norm.named_buffers()) {
        if (key == name) return tensor;
      }
      return at::Tensor();
    };
    const at::Tensor mean = (of(first) + of(second) + of(third)) / 3;
    // Worst measured: 1.2e-7.
    CHECK((of(split) - mean).abs().max().item<float>() < 5e-7);
  }
  CHECK_THROWS_AS(split.forward(x.narrow(0, 0, 10)), UsageError);
  split.train(false);
  CHECK_NOTHROW(split.forward(x.narrow(0, 0, 10)));
}
