#include "ops/adamw_ema.h"

#include "base/thread_pool.h"
#include "tests/ops/golden.h"
#include "tests/support/torch_catch.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/full.h>
#include <ATen/ops/zeros_like.h>

#include <cmath>
#include <vector>

namespace {

using namespace sslrun;

constexpr double kBeta1 = 0.9, kBeta2 = 0.95, kEps = 1e-8, kDecay = 0.1, kTau = 0.9;
constexpr double kLr[] = {0.0, 0.05, 0.02};
// Four times the largest difference from float64 measured over three steps, of numbers of size 1:
// 1.2e-7.
constexpr double kTolerance = 5e-7;

/// AdamW and a moving average by their definitions, in float64.
struct Definition {
  at::Tensor w, m, v, follower;

  void step(const at::Tensor& g, double lr, double count) {
    m = kBeta1 * m + (1 - kBeta1) * g;
    v = kBeta2 * v + (1 - kBeta2) * g * g;
    w = w - lr * kDecay * w;
    w = w - lr * (m / (1 - std::pow(kBeta1, count))) /
                ((v / (1 - std::pow(kBeta2, count))).sqrt() + kEps);
    follower = kTau * follower + (1 - kTau) * w;
  }
};

double difference(const at::Tensor& got, const at::Tensor& expected) {
  return (got.to(at::kDouble) - expected).abs().max().item<double>();
}

ops::AdamWEmaKeys keys(std::int64_t count) {
  return {.lr = kLr[count - 1],
          .beta1 = kBeta1,
          .beta2 = kBeta2,
          .eps = kEps,
          .weight_decay = kDecay,
          .count = count,
          .tau = kTau};
}

struct Setting {
  explicit Setting(const std::vector<std::int64_t>& sizes, bool channels_last = false) {
    double ordinal = 0.1;
    for (const std::int64_t n : sizes) {
      at::Tensor w = test::wave(n, 6, ordinal).to(at::kFloat);
      if (channels_last) w = w.view({n, 3, 2, 1}).contiguous(at::MemoryFormat::ChannelsLast);
      tensors.parameters.push_back(w);
      tensors.exp_avgs.push_back(at::zeros_like(w));
      tensors.exp_avg_sqs.push_back(at::zeros_like(w));
      tensors.followers.push_back(w.clone());
      tensors.halves.push_back(w.to(at::kBFloat16));
      const at::Tensor wide = w.to(at::kDouble);
      expected.push_back({wide, at::zeros_like(wide), at::zeros_like(wide), wide});
      ordinal += 0.3;
    }
  }

  void step(std::int64_t count) {
    tensors.gradients.clear();
    for (std::size_t i = 0; i < tensors.parameters.size(); ++i) {
      const at::Tensor& w = tensors.parameters[i];
      const at::Tensor g = at::empty_like(w).copy_(
          test::wave(w.size(0), 6, 7.3 * static_cast<double>(count)).view(w.sizes()));
      tensors.gradients.push_back(g);
      expected[i].step(g.to(at::kDouble), kLr[count - 1], static_cast<double>(count));
    }
    ops::adamw_ema_(tensors, keys(count));
  }

  ops::AdamWEmaTensors tensors;
  std::vector<Definition> expected;
};

}  // namespace

TEST_CASE("adamw_ema: weights, moments, follower and copy are those of the definition",
          "[ops][optim]") {
  const bool channels_last = GENERATE(false, true);
  Setting s({1, 7, 171, 6000}, channels_last);  // pieces and blocks begun and filled
  double worst = 0;
  for (std::int64_t count = 1; count <= 3; ++count) {
    s.step(count);
    for (std::size_t i = 0; i < s.expected.size(); ++i) {
      worst = std::max(worst, difference(s.tensors.parameters[i], s.expected[i].w));
      worst = std::max(worst, difference(s.tensors.exp_avgs[i], s.expected[i].m));
      worst = std::max(worst, difference(s.tensors.exp_avg_sqs[i], s.expected[i].v));
      worst = std::max(worst, difference(s.tensors.followers[i], s.expected[i].follower));
      CHECK(s.tensors.halves[i].equal(s.tensors.parameters[i].to(at::kBFloat16)));
    }
  }
  CAPTURE(worst);
  CHECK(worst < kTolerance);
}

TEST_CASE(
    "adamw_ema: without follower and copy the weights are the same bits, on any number of threads",
    "[ops][optim]") {
  Setting whole({171, 6000}), bare({171, 6000});
  bare.tensors.followers.clear();
  bare.tensors.halves.clear();
  const int threads = compute_threads();
  for (std::int64_t count = 1; count <= 3; ++count) {
    set_compute_threads(1);
    whole.step(count);
    set_compute_threads(4);
    bare.step(count);
  }
  set_compute_threads(threads);
  for (std::size_t i = 0; i < 2; ++i)
    CHECK(whole.tensors.parameters[i].equal(bare.tensors.parameters[i]));
}

TEST_CASE("adamw_ema: a gradient in another layout is a bug and changes nothing", "[ops][optim]") {
  Setting s({8}, true);
  s.tensors.gradients = {at::zeros_like(s.tensors.parameters[0]).contiguous()};
  const at::Tensor before = s.tensors.parameters[0].clone();
  CHECK_THROWS_WITH(ops::adamw_ema_(s.tensors, keys(1)), Catch::Contains("strides"));
  CHECK(s.tensors.parameters[0].equal(before));
}
