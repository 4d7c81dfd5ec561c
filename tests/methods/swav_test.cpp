// SwAV written out in float64: which view predicts whose assignment, what the queue holds when.
#include "tests/methods/distillation.h"
#include "tests/support/torch_catch.h"

#include <ATen/ops/cat.h>

namespace {

using namespace sslrun;
using namespace sslrun::test;

// Four times the worst relative difference of float32 from float64 measured below: 1.2e-7.
constexpr double kTolerance = 4.8e-7;
const std::vector<std::int64_t> kSides = {4, 4, 2, 2, 2};

const char* const kKeys =
    "{name: swav, temperature: 0.2, prototypes: 5, epsilon: 0.1, projector: {hidden_dim: 8, "
    "output_dim: 4}";

/// By the definition: rows of the K x B matrix, then its columns.
Tensor sinkhorn(const Tensor& scores, double eps, int iterations) {
  Tensor q = (scores / eps).exp().t();
  q = q / q.sum();
  for (int i = 0; i < iterations; ++i) {
    q = q / q.sum(1, true) / q.size(0);
    q = q / q.sum(0, true) / q.size(1);
  }
  return (q * q.size(1)).t();
}

struct Embedded {
  Tensor z, prototypes;

  Tensor view(std::int64_t v) const { return z.narrow(0, v * kImages, kImages); }

  Tensor scores(std::int64_t v) const { return view(v).matmul(prototypes.t()); }
};

Embedded embed(const Setting& s, const State& state) {
  std::vector<Tensor> all;
  for (std::size_t v = 0; v < s.views.size(); ++v) all.push_back(features(state, "encoder", s, v));
  return {unit(head(state, "projector", at::cat(all))), unit(state.at("prototypes.weight"))};
}

Tensor expected_loss(const Embedded& e, const Tensor& codes0, const Tensor& codes1) {
  Tensor loss = at::zeros({}, at::kDouble);
  const auto views = static_cast<std::int64_t>(kSides.size());
  for (std::int64_t v = 0; v < views; ++v) {
    if (v != 0) loss = loss + soft_entropy(codes0, e.scores(v), 0.2).mean();
    if (v != 1) loss = loss + soft_entropy(codes1, e.scores(v), 0.2).mean();
  }
  return loss / static_cast<double>(2 * (views - 1));
}

double difference(double got, const Tensor& expected) {
  return std::abs(got / expected.item<double>() - 1);
}

}  // namespace

TEST_CASE(
    "swav: every view predicts the assignments of the two first ones, on normalised prototypes",
    "[methods]") {
  Setting s(std::string(kKeys) + "}", kSides);
  const Embedded e = embed(s, s.state());
  s.method->before_step(s.progress);
  CHECK((s.state().at("prototypes.weight") - e.prototypes).abs().max().item<double>() < 1e-7);
  const Tensor codes0 = sinkhorn(e.scores(0), 0.1, 3), codes1 = sinkhorn(e.scores(1), 0.1, 3);
  CHECK(difference(s.loss(), expected_loss(e, codes0, codes1)) < kTolerance);
}

TEST_CASE(
    "swav: a queue begins in its epoch, takes part once full, and never holds the current batch",
    "[methods]") {
  Setting s(std::string(kKeys) + ", queue: 12, queue_from_epoch: 1}", kSides);
  s.step(0);
  CHECK(s.state().at("queue.0.keys").count_nonzero().item<std::int64_t>() == 0);
  for (int step = 0; step < 2; ++step) {
    s.views[0].mul_(1.1);  // other keys in each step
    const Embedded e = embed(s, s.state());
    const Tensor plain0 = sinkhorn(e.scores(0), 0.1, 3), plain1 = sinkhorn(e.scores(1), 0.1, 3);
    s.method->before_step(s.progress);
    CHECK(difference(s.loss(), expected_loss(e, plain0, plain1)) < kTolerance);
    s.method->after_step(s.progress);
    ++s.progress.step;
    for (std::int64_t q = 0; q < 2; ++q) {
      const Tensor keys = s.state().at("queue." + std::to_string(q) + ".keys");
      CHECK((keys.narrow(0, step * kImages, kImages) - e.view(q)).abs().max().item<double>() <
            1e-6);
    }
  }
  s.views[1].mul_(1.3);
  for (const auto& [name, tensor] : s.method->named_state())  // scores are those of now
    if (name == "prototypes.weight") tensor.detach().add_(0.2);
  const State state = s.state();
  const Embedded e = embed(s, state);
  Tensor codes[2];
  for (std::int64_t q = 0; q < 2; ++q) {
    const Tensor keys = state.at("queue." + std::to_string(q) + ".keys");
    const Tensor scores = at::cat({keys.matmul(e.prototypes.t()), e.scores(q)});
    codes[q] = sinkhorn(scores, 0.1, 3).narrow(0, 12, kImages);
  }
  s.method->before_step(s.progress);
  const Tensor expected = expected_loss(e, codes[0], codes[1]);
  CHECK(difference(s.loss(), expected) < kTolerance);
  const Tensor without =
      expected_loss(e, sinkhorn(e.scores(0), 0.1, 3), sinkhorn(e.scores(1), 0.1, 3));
  CHECK(difference(expected.item<double>(), without) > 1e-3);
}

TEST_CASE("swav: prototypes stay in the epochs that freeze them, and move afterwards",
          "[methods]") {
  Setting s(std::string(kKeys) + ", freeze_prototypes_epochs: 2}", kSides);
  s.progress.steps_per_epoch = 2;
  const auto optimizer = s.optimizer();
  s.method->before_step(s.progress);
  const State start = s.state();
  for (int step = 0; step < 5; ++step) {
    optimizer->zero_grad();
    ops::backward(s.forward().loss, 1.0);
    optimizer->step(0.1);
    const State now = s.state();
    CHECK(now.at("prototypes.weight").equal(start.at("prototypes.weight")) == (step < 4));
    CHECK(!now.at("encoder.weight").equal(start.at("encoder.weight")));
  }
}
