// Sinkhorn, soft cross entropies and KoLeo against the official code: on the matrices of losses_test.cpp
// and, in other shapes, against tests/golden/soft_targets.py.
#include "base/error.h"
#include "base/file.h"
#include "dist/world.h"
#include "ops/koleo.h"
#include "ops/sinkhorn.h"
#include "ops/soft_cross_entropy.h"
#include "ops/unit_rows.h"
#include "tests/dist/ranks.h"
#include "tests/ops/golden.h"
#include "tests/support/torch_catch.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/eye.h>
#include <ATen/ops/full.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/zeros.h>

#include <nlohmann/json.hpp>

namespace {

using namespace sslrun;
using at::Tensor;
using nlohmann::json;
using test::gradient_error;
using test::wave;

constexpr double kTolerance = 1e-8;  // float64, printed to 8 digits
constexpr double kExact = 2.3e-15;   // float64 of both sides: 5.6e-16 measured

const json& golden() {
  static const json content =
      json::parse(read_file(std::string(SSLRUN_TEST_DIR) + "/golden/soft_targets.json"));
  return content;
}

/// The largest difference between a vector or matrix and its golden values.
double difference(const Tensor& got, const json& expected) {
  const Tensor rows = got.dim() == 1 ? got.unsqueeze(0) : got;
  const json all = got.dim() == 1 ? json::array({expected}) : expected;
  double worst = 0;
  REQUIRE(static_cast<std::int64_t>(all.size()) == rows.size(0));
  for (std::int64_t i = 0; i < rows.size(0); ++i) {
    REQUIRE(static_cast<std::int64_t>(all[static_cast<std::size_t>(i)].size()) == rows.size(1));
    for (std::int64_t j = 0; j < rows.size(1); ++j) {
      const double value = all[static_cast<std::size_t>(i)][static_cast<std::size_t>(j)];
      worst = std::max(worst, std::abs(rows[i][j].item<double>() - value));
    }
  }
  return worst;
}

/// Relative where |expected| > 1.
double error(const Tensor& got, double expected) {
  return std::abs(got.item<double>() - expected) / std::max(1.0, std::abs(expected));
}

Tensor assign(const Tensor& scores, double eps, std::int64_t iterations) {
  return ops::sinkhorn(scores, eps, iterations, *dist::single_world());
}

const Tensor a = wave(4, 8, 0.1), b = wave(4, 8, 0.5);
const Tensor prototypes = ops::unit_rows(wave(5, 8, 3.0));
const Tensor s1 = ops::unit_rows(a).matmul(prototypes.t());
const Tensor s2 = ops::unit_rows(b).matmul(prototypes.t());

}  // namespace

TEST_CASE(
    "sinkhorn: SwAV's assignments, each sample's summing to 1, prototypes' to B / K in the end",
    "[ops][loss]") {
  const Tensor q = assign(s1, 0.05, 3);
  CHECK(q[0][0].item<double>() < 1e-8);
  CHECK(q[0][1].item<double>() < 1e-8);
  CHECK(error(q[0][2], 0.50029508) < kTolerance);
  CHECK(error(q[0][3], 0.49966924) < kTolerance);
  CHECK(error(q[0][4], 0.00003567) < kTolerance);
  CHECK((q.sum(1) - 1).abs().max().item<double>() < 1e-14);
  CHECK(difference(q.sum(0), {1.12362126, 0.87612143, 0.50037080, 0.50100502, 0.99888149}) <
        kTolerance);
  CHECK((assign(s1, 0.05, 200).sum(0) - 0.8).abs().max().item<double>() < 1e-8);
  CHECK(difference(assign(wave(7, 5, 1.7), 0.03, 4), golden()["sinkhorn"]) < kExact);
  CHECK((assign(at::full({6, 5}, 0.3), 0.05, 3) - 0.2).abs().max().item<double>() < 1e-7);
}

TEST_CASE("sinkhorn: float32 gives the same assignments, and no score is too large or too small",
          "[ops][loss]") {
  const Tensor single = assign(s1.to(at::kFloat), 0.05, 3);
  CHECK(single.scalar_type() == at::kFloat);
  // 8.1e-8 measured
  CHECK((single.to(at::kDouble) - assign(s1, 0.05, 3)).abs().max().item<double>() < 3.3e-7);
  const Tensor wild = wave(4, 5, 0.2).to(at::kFloat) * 1000;
  const Tensor q = assign(wild, 0.05, 3);
  CHECK((q.sum(1) - 1).abs().max().item<double>() < 1e-6);
  CHECK(assign(wild.to(at::kBFloat16), 0.05, 3).scalar_type() == at::kFloat);
}

TEST_CASE("sinkhorn: with a limit of the scores it assigns the same, however small eps is",
          "[ops][loss]") {
  for (const double eps : {0.05, 0.03, 0.001}) {
    const Tensor expected = assign(s1, eps, 3);
    const auto limited = [&](const Tensor& scores) {
      return ops::sinkhorn(scores, eps, 3, *dist::single_world(), ops::kCosineLimit);
    };
    CHECK(limited(s1).allclose(expected, 0, 1e-12));
    const Tensor single = limited(s1.to(at::kFloat));
    CAPTURE(eps);
    CHECK((single.to(at::kDouble) - expected).abs().max().item<double>() < 1e-6);
  }
}

TEST_CASE("sinkhorn: its centre takes off the scores what makes their softmax the assignments",
          "[ops][loss]") {
  const Tensor scores = wave(7, 5, 1.7);
  const auto by_center = [](const Tensor& x, double eps, std::int64_t iterations) {
    const Tensor center = ops::sinkhorn_center(x, eps, iterations, *dist::single_world());
    CHECK(center.sizes() == at::IntArrayRef{x.size(1)});
    return ops::centered_softmax(x, center, eps);
  };
  CHECK(difference(by_center(scores, 0.03, 4), golden()["sinkhorn"]) < kExact);
  const Tensor many = wave(300, 700, 0.9) * 3;
  const Tensor apart =
      by_center(many.to(at::kFloat), 0.05, 3).to(at::kDouble) - assign(many, 0.05, 3);
  CHECK(apart.abs().max().item<double>() < 3.4e-6);  // 8.5e-7 measured
}

TEST_CASE("sinkhorn: ranks of different sizes assign as one that has all samples", "[ops][loss]") {
  const Tensor scores = wave(7, 5, 1.7);
  const Tensor expected = assign(scores, 0.1, 3);
  std::array<Tensor, 3> parts;
  const std::array<std::int64_t, 4> ends{0, 2, 7, 7};  // the last rank has none
  test::run_ranks(3, [&](dist::World& world) {
    const auto r = static_cast<std::size_t>(world.rank());
    parts[r] = ops::sinkhorn(scores.slice(0, ends[r], ends[r + 1]), 0.1, 3, world);
  });
  for (std::size_t r = 0; r < 3; ++r) {
    CHECK(parts[r].size(0) == ends[r + 1] - ends[r]);
    CHECK(parts[r].allclose(expected.slice(0, ends[r], ends[r + 1]), 0, 1e-14));
  }
  test::run_ranks(3, [&](dist::World& world) {
    const auto r = static_cast<std::size_t>(world.rank());
    const Tensor part = scores.slice(0, ends[r], ends[r + 1]).to(at::kFloat);
    parts[r] = ops::sinkhorn(part, 0.1, 3, world);
  });
  for (std::size_t r = 0; r < 3; ++r) {  // float32: 6.4e-8 measured
    CHECK(parts[r].to(at::kDouble).allclose(expected.slice(0, ends[r], ends[r + 1]), 0, 2.6e-7));
  }
}

TEST_CASE("soft cross entropy: SwAV's loss of two views, and ln K where nothing is known",
          "[ops][loss]") {
  const Tensor q1 = assign(s1, 0.05, 3), q2 = assign(s2, 0.05, 3);
  const Tensor loss =
      (ops::soft_cross_entropy(s2, q1, 0.1) + ops::soft_cross_entropy(s1, q2, 0.1)) / 2;
  CHECK(error(loss, 1.17734683) < kTolerance);
  CHECK(error(ops::swapped_cross_entropy(at::stack({s1, s2}), at::stack({q1, q2}), 0.1),
              1.17734683) < kTolerance);
  const Tensor flat = at::full({6, 3000}, 0.2, at::kDouble);
  CHECK(error(ops::soft_cross_entropy(flat, assign(flat, 0.05, 3), 0.1), std::log(3000.0)) < 1e-12);
  CHECK(gradient_error(s1, [&](const Tensor& x) { return ops::soft_cross_entropy(x, q2, 0.1); }) <
        1e-8);
  CHECK_THROWS_AS(ops::soft_cross_entropy(s1, q1.t(), 0.1), UsageError);
  CHECK_THROWS_AS(ops::soft_cross_entropy(s1, q1, 0), UsageError);
}

TEST_CASE("soft cross entropy: rows weighted, and nothing where there are no rows", "[ops][loss]") {
  const Tensor q1 = assign(s1, 0.05, 3), weight = wave(1, 4, 0.3)[0];
  double expected = 0;
  for (std::int64_t i = 0; i < 4; ++i) {
    expected +=
        weight[i].item<double>() *
        ops::soft_cross_entropy(s2.slice(0, i, i + 1), q1.slice(0, i, i + 1), 0.2).item<double>();
  }
  const Tensor center = ops::sinkhorn_center(s1, 0.05, 3, *dist::single_world());
  const auto loss = [&](const Tensor& x) {
    return ops::weighted_self_distillation(x, s1, center, weight, 0.2, 0.05);
  };
  CHECK(error(loss(s2), expected) < 1e-12);
  CHECK(gradient_error(s2, loss) < 1e-8);
  const Tensor none = at::zeros({0, 5});
  const auto of_none = [&](const Tensor& mean) {
    return ops::weighted_self_distillation(none, none, mean, at::zeros({0}), 0.2, 0.05);
  };
  CHECK(of_none(at::zeros({5})).item<double>() == 0);
  CHECK_THROWS_AS(of_none(at::zeros({4})), UsageError);
}

TEST_CASE("self_distillation: DINO's loss over all pairs of different views", "[ops][loss]") {
  const Tensor center = at::full({5}, 0.1, at::kDouble);
  const Tensor student = wave(12, 5, 5.0).view({3, 4, 5}),
               teacher = wave(8, 5, 4.0).view({2, 4, 5});
  const auto loss = [&](auto type) {
    return ops::self_distillation(student.to(type), teacher.to(type), center.to(type), 0.1, 0.04);
  };
  CHECK(error(loss(at::kDouble), 11.34334216) < kTolerance);
  CHECK(loss(at::kFloat).scalar_type() == at::kFloat);
  CHECK(error(loss(at::kFloat), 11.34334216) < 1.2e-7);  // float32: 2.9e-8 measured
  CHECK(gradient_error(student, [&](const Tensor& x) {
          return ops::self_distillation(x, teacher, center, 0.1, 0.04);
        }) < 1e-8);

  const json& official = golden()["dino"];
  const Tensor x = test::leaf(wave(15, 6, 2.2));
  const Tensor value = ops::self_distillation(x.view({5, 3, 6}),
                                              wave(6, 6, 0.7).view({2, 3, 6}),
                                              wave(1, 6, 0.3)[0] * 0.1,
                                              0.2,
                                              official["temperatures"][2]);
  CHECK(error(value, official["loss"]) < kExact);
  value.backward();
  CHECK(difference(x.grad(), official["gradient"]) < kExact);
}

TEST_CASE("self_distillation: a student without an opinion pays ln K", "[ops][loss]") {
  const Tensor flat = at::zeros({4, 3, 65536}), teacher = wave(3, 65536, 0.4).to(at::kFloat);
  const Tensor loss =
      ops::self_distillation(flat, at::stack({teacher, teacher}), at::zeros({65536}), 0.1, 0.04);
  CHECK(error(loss, std::log(65536.0)) < 3.8e-6);  // 9.5e-7 measured
}

TEST_CASE("soft cross entropy: float32 and bfloat16 give the loss and gradient of float64",
          "[ops][loss]") {
  const Tensor student = wave(5 * 3, 700, 2.2).view({5, 3, 700}) * 0.3,
               teacher = wave(2 * 3, 700, 0.7).view({2, 3, 700}) * 0.3,
               center = wave(1, 700, 0.3)[0] * 0.1, weight = wave(1, 3, 0.4)[0],
               target = ops::centered_softmax(teacher, center, 0.04);
  using Loss = std::function<Tensor(const Tensor&, at::ScalarType)>;
  const std::array<Loss, 3> losses{
      [&](const Tensor& x, at::ScalarType type) {
        return ops::self_distillation(x, teacher.to(type), center, 0.1, 0.04);
      },
      [&](const Tensor& x, at::ScalarType) { return ops::swapped_cross_entropy(x, target, 0.1); },
      [&](const Tensor& x, at::ScalarType type) {
        return ops::weighted_self_distillation(
            x[2], teacher[0].to(type), center, weight, 0.1, 0.04);
      }};
  for (const Loss& loss : losses) {
    // Measured: losses 1.5e-7, gradients 4.6e-7 in float32, 1.7e-3 in bfloat16.
    for (const auto& [type, loss_error, gradient_error] :
         {std::tuple{at::kFloat, 6e-7, 1.9e-6}, std::tuple{at::kBFloat16, 6e-7, 7e-3}}) {
      // The same numbers in both, so that only the arithmetic differs.
      const Tensor x = test::leaf(student, type), exact = test::leaf(x.detach(), at::kDouble);
      const Tensor value = loss(x, type) * 3, want = loss(exact, type) * 3;
      CHECK(value.scalar_type() == at::kFloat);
      value.backward();
      want.backward();
      CHECK(x.grad().scalar_type() == type);
      CHECK(error(value, want.item<double>()) < loss_error);
      const Tensor difference = x.grad().to(at::kDouble) - exact.grad();
      CHECK((difference.norm() / exact.grad().norm()).item<double>() < gradient_error);
    }
  }
}

TEST_CASE("soft cross entropy: targets are constants, in float64 too", "[ops][loss]") {
  for (const at::ScalarType type : {at::kFloat, at::kDouble}) {
    const Tensor target = test::leaf(assign(s1, 0.05, 3), type), x = test::leaf(s2, type);
    ops::soft_cross_entropy(x, target, 0.1).backward();
    CHECK(x.grad().defined());
    CHECK(!target.grad().defined());
  }
}

TEST_CASE("self_distillation: the center may move between the loss and its gradient",
          "[ops][loss]") {
  const Tensor teacher = wave(8, 5, 4.0).view({2, 4, 5}).to(at::kFloat), center = at::zeros({5});
  const auto gradient = [&](bool moves) {
    const Tensor x = test::leaf(wave(12, 5, 5.0).view({3, 4, 5}), at::kFloat);
    const Tensor loss = ops::self_distillation(x, teacher, center, 0.1, 0.04);
    if (moves) center.add_(1e3);
    loss.backward();
    return x.grad();
  };
  const Tensor still = gradient(false);
  CHECK(gradient(true).equal(still));
}

TEST_CASE("koleo: DINOv2's values; duplicates stay finite", "[ops][loss]") {
  CHECK(error(ops::koleo(a), -0.02631954) < kTolerance);
  CHECK(error(ops::koleo(at::eye(8, at::kDouble)), -0.34657360) < 2 * kTolerance);
  CHECK(error(ops::koleo(a.to(at::kFloat)), -0.02631954) < 3.4e-8);  // 8.3e-9 measured
  const Tensor x = test::leaf(wave(7, 5, 0.6));
  const Tensor loss = ops::koleo(x);
  CHECK(error(loss, golden()["koleo"]["loss"]) < kExact);
  loss.backward();
  CHECK(difference(x.grad(), golden()["koleo"]["gradient"]) < kExact);
  CHECK(gradient_error(wave(7, 5, 0.6), [](const Tensor& y) { return ops::koleo(y); }) < 1e-7);
  const Tensor same = test::leaf(at::ones({4, 8}), at::kFloat);
  const Tensor duplicates = ops::koleo(same);
  duplicates.backward();
  CHECK(std::isfinite(duplicates.item<double>()));
  CHECK(same.grad().isfinite().all().item<bool>());
  CHECK_THROWS_AS(ops::koleo(at::ones({1, 8})), UsageError);
}
