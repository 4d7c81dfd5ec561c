// The wiring of the methods with two views: which head sees what, which branch is a constant, what
// moves when. Each loss is written out here again, in float64, on features that need no network.
#include "methods/trained_parameters.h"
#include "ops/step.h"
#include "optim/optimizer.h"
#include "optim/optimizer_configs.h"
#include "recipe/recipe.h"
#include "tests/methods/setting.h"
#include "tests/support/torch_catch.h"

#include <ATen/ops/arange.h>
#include <ATen/ops/cat.h>

#include <string>

namespace {

using namespace sslrun;
using namespace sslrun::test;

// Four times the worst relative difference of float32 from float64 measured below: 4.4e-7, moco.
constexpr double kTolerance = 1.8e-6;

/// -log softmax of column i in row i.
Tensor cross_entropy(const Tensor& logits) {
  return (logits.logsumexp({1}) - logits.diagonal()).mean();
}

void check(double got, const Tensor& expected) {
  CHECK(got == Approx(expected.item<double>()).epsilon(kTolerance));
}

/// Embeddings of both views by the trained network and, where there is one, by its follower.
struct Embedded {
  Tensor z[2], p[2], t[2];
};

Embedded embed(const Setting& s, const State& state, const std::string& follower = "") {
  Embedded out;
  for (std::size_t v = 0; v < 2; ++v) {
    out.z[v] = head(state, "projector", features(state, "encoder", s, v));
    out.p[v] = head(state, "predictor", out.z[v]);
    if (!follower.empty())
      out.t[v] = head(state, follower + ".projector", features(state, follower + ".encoder", s, v));
  }
  return out;
}

}  // namespace

TEST_CASE("simsiam: each prediction is compared with the other view's embedding", "[methods]") {
  Setting s("{name: simsiam, projector: {hidden_dim: 8, output_dim: 6}, predictor_hidden_dim: 3}");
  const Embedded e = embed(s, s.state());
  check(s.loss(), (cosine(e.p[0], e.z[1]) + cosine(e.p[1], e.z[0])) / -2);
}

TEST_CASE("simsiam: the predictor alone keeps the peak learning rate, unless it is to follow",
          "[methods][optim]") {
  const bool constant = GENERATE(true, false);
  Setting s(std::string("{name: simsiam, projector: {hidden_dim: 8, output_dim: 6}, ") +
            "predictor_hidden_dim: 3" + (constant ? "}" : ", predictor_constant_lr: false}"));
  const State before = s.state();
  auto sgd = config::make_component(optim::optimizer_specs(), "sgd");
  const auto optimizer = optim::make_optimizer(sgd, methods::trained_parameters(*s.method, {}, 1));
  ops::backward(s.forward().loss, 1.0);
  optimizer->step({.lr = 0, .peak_lr = 0.1});
  const State after = s.state();
  for (const auto& [name, tensor] : s.method->named_parameters()) {
    INFO(name);
    CHECK(after.at(name).equal(before.at(name)) != (constant && name.starts_with("predictor.")));
  }
}

TEST_CASE(
    "byol: predictions meet the target's embeddings of the other view; the target follows after "
    "the step",
    "[methods]") {
  Setting s(
      "{name: byol, momentum: 0, projector: {hidden_dim: 8, output_dim: 6}, predictor_hidden_dim: "
      "7}");
  for (const auto& [name, tensor] : s.method->named_state())  // not the network that it follows
    if (name == "target.encoder.weight") tensor.detach().mul_(0.5).add_(0.1);
  const Embedded e = embed(s, s.state(), "target");
  check(s.loss(), 4 - 2 * cosine(e.p[0], e.t[1]) - 2 * cosine(e.p[1], e.t[0]));
  s.step(0.1);
  const State after = s.state();
  CHECK(after.at("target.encoder.weight").equal(after.at("encoder.weight")));
  CHECK(after.at("target.projector.0.weight").equal(after.at("projector.0.weight")));
}

TEST_CASE(
    "mocov3: keys of the other view, times twice the temperature; they follow before the step",
    "[methods]") {
  Setting s(
      "{name: mocov3, temperature: 0.3, momentum: 0, projector: {hidden_dim: 8, output_dim: 6}, "
      "predictor_hidden_dim: 7}");
  for (const auto& [name, tensor] : s.method->named_state())
    if (name == "momentum.encoder.weight") tensor.detach().mul_(0.5).add_(0.1);
  const State before = s.state();
  const Embedded e = embed(s, before, "momentum");
  const auto contrast = [](const Tensor& q, const Tensor& k) {
    return cross_entropy(unit(q).matmul(unit(k).t()) / 0.3) * 0.6;
  };
  check(s.loss(), contrast(e.p[0], e.t[1]) + contrast(e.p[1], e.t[0]));
  s.step(0.1);
  const State after = s.state();
  CHECK(after.at("momentum.encoder.weight").equal(before.at("encoder.weight")));
  CHECK(!after.at("momentum.encoder.weight").equal(after.at("encoder.weight")));
}

TEST_CASE(
    "moco: the queue is read before the step's keys enter it, and keys follow before the step",
    "[methods]") {
  const bool symmetric = GENERATE(false, true);
  Setting s(
      std::string(
          "{name: moco, temperature: 0.2, momentum: 0.25, queue: 24, output_dim: 6, symmetric: ") +
      (symmetric ? "true}" : "false}"));
  for (const auto& [name, tensor] : s.method->named_state())
    if (name == "momentum.encoder.weight") tensor.detach().mul_(0.5).add_(0.1);
  const State before = s.state();
  const Tensor queue = before.at("queue.keys");
  CHECK((queue.norm(2, {1}) - 1).abs().max().item<double>() < 1e-6);
  const Embedded e = embed(s, before, "momentum");
  const auto contrast = [&](const Tensor& q, const Tensor& k) {
    const Tensor positive = (unit(q) * unit(k)).sum(1, true);
    const Tensor logits = at::cat({positive, unit(q).matmul(queue.t())}, 1) / 0.2;
    return (logits.logsumexp({1}) - logits.select(1, 0)).mean();
  };
  Tensor expected = contrast(e.z[0], e.t[1]);
  if (symmetric) expected = expected + contrast(e.z[1], e.t[0]);
  check(s.loss(), expected);
  s.method->after_step(s.progress);
  const Tensor filled = s.state().at("queue.keys");
  const Tensor keys = symmetric ? at::cat({unit(e.t[0]), unit(e.t[1])}) : unit(e.t[1]);
  CHECK((filled.narrow(0, 0, keys.size(0)) - keys).abs().max().item<double>() < 1e-6);
  CHECK(filled.narrow(0, keys.size(0), 24 - keys.size(0))
            .equal(queue.narrow(0, keys.size(0), 24 - keys.size(0))));

  const State start = s.state();
  s.step(0.1);
  const Tensor moved =
      start.at("momentum.encoder.weight") * 0.25 + start.at("encoder.weight") * 0.75;
  CHECK((s.state().at("momentum.encoder.weight") - moved).abs().max().item<double>() < 1e-6);
  for (int i = 0; i < 4; ++i) s.step(0);  // around the end of the queue
  CHECK(s.state().at("queue.next").item<double>() == (symmetric ? 0 : 12));
}

TEST_CASE("moco: keys do not depend on the order in which split batch norm sees them",
          "[methods]") {
  // Without batch norm in these heads the shuffle must leave no trace.
  Setting plain("{name: moco, queue: 24, output_dim: 6}");
  Setting shuffled("{name: moco, queue: 24, output_dim: 6, split_bn: 3}");
  CHECK(plain.loss() == Approx(shuffled.loss()).epsilon(1e-6));
}

TEST_CASE("nnclr: the nearest of the queue stands for a view; the other view's prediction is found",
          "[methods]") {
  Setting s(
      "{name: nnclr, temperature: 0.2, queue: 12, projector: {hidden_dim: 8, output_dim: 6}, "
      "predictor_hidden_dim: 7}");
  const State before = s.state();
  const Embedded e = embed(s, before);
  const Tensor queue = before.at("queue.keys");
  const auto contrast = [&](const Tensor& z, const Tensor& p) {
    const Tensor nearest = queue.index_select(0, unit(z).matmul(queue.t()).argmax(1));
    return cross_entropy(nearest.matmul(unit(p).t()) / 0.2);
  };
  check(s.loss(), (contrast(e.z[0], e.p[1]) + contrast(e.z[1], e.p[0])) / 2);
  s.method->after_step(s.progress);
  const Tensor filled = s.state().at("queue.keys");
  CHECK((filled.narrow(0, 0, kImages) - unit(e.z[0])).abs().max().item<double>() < 1e-6);
}

TEST_CASE("barlow_twins: the cross-correlation of normalised embeddings against the identity",
          "[methods]") {
  Setting s(
      "{name: barlow_twins, lambda: 0.02, scale: 0.5, projector: {hidden_dim: 8, output_dim: 7}}");
  const Embedded e = embed(s, s.state());
  const auto normed = [](const Tensor& z) {
    return (z - z.mean(0)) / (z.var(0, false) + 1e-5).sqrt();
  };
  const Tensor c = normed(e.z[0]).t().matmul(normed(e.z[1])) / kImages;
  const Tensor on = (c.diagonal() - 1).square().sum();
  const Tensor off = c.square().sum() - c.diagonal().square().sum();
  check(s.loss(), (on + off * 0.02) * 0.5);
}

TEST_CASE("vicreg: its three terms, weighted", "[methods]") {
  Setting s(
      "{name: vicreg, invariance: 3, variance: 5, covariance: 7, projector: {hidden_dim: 8, "
      "output_dim: 7}}");
  const Embedded e = embed(s, s.state());
  Tensor expected = (e.z[0] - e.z[1]).square().mean() * 3;
  for (const Tensor& z : e.z) {
    const Tensor centred = z - z.mean(0);
    const Tensor cov = centred.t().matmul(centred) / (kImages - 1);
    const Tensor missing = (1 - (cov.diagonal() + 1e-4).sqrt()).relu().mean();
    expected =
        expected + missing * 2.5 + (cov.square().sum() - cov.diagonal().square().sum()) / 7 * 7;
  }
  check(s.loss(), expected);
}
