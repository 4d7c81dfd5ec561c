// Losses against the values of tests/golden/losses.py, which the official code gives too.
#include "base/error.h"
#include "ops/info_nce.h"
#include "ops/nt_xent.h"
#include "ops/off_diagonal_energy.h"
#include "ops/redundancy.h"
#include "ops/unit_rows.h"
#include "tests/ops/golden.h"
#include "tests/support/torch_catch.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/eye.h>
#include <ATen/ops/ones.h>

#include <cmath>

namespace {

using namespace sslrun;
using test::gradient_error;
using test::wave;

constexpr double kTolerance = 1e-8;       // float64, printed to 8 digits
constexpr double kFloatTolerance = 3e-6;  // float32: 7.2e-7 measured at most, relative

const at::Tensor a = wave(4, 8, 0.1), b = wave(4, 8, 0.5), queue = ops::unit_rows(wave(6, 8, 2.0));

void check_value(const std::function<at::Tensor(at::ScalarType)>& loss, double expected) {
  CHECK(loss(at::kDouble).item<double>() == Approx(expected).margin(kTolerance));
  const at::Tensor single = loss(at::kFloat);
  CHECK(single.scalar_type() == at::kFloat);
  CHECK(single.item<double>() == Approx(expected).epsilon(kFloatTolerance));
}

}  // namespace

TEST_CASE("negative_cosine: BYOL's and SimSiam's values", "[ops][loss]") {
  check_value([](auto t) { return ops::negative_cosine(a.to(t), b.to(t)); }, -0.92214506);
  check_value([](auto t) { return ops::negative_cosine(a.to(t), b.to(t)) * 2 + 2; }, 0.15570987);
  CHECK(gradient_error(a, [](const at::Tensor& x) { return ops::negative_cosine(x, b); }) < 1e-9);
}

TEST_CASE("info_nce: MoCo's values with a queue, and its bounds", "[ops][loss]") {
  const auto loss = [](double temperature) {
    return [=](auto t) { return ops::info_nce_queue(a.to(t), b.to(t), queue.to(t), temperature); };
  };
  check_value(loss(0.07), 0.18130032);
  check_value(loss(0.2), 0.50089524);
  CHECK(ops::info_nce_queue(a, b, queue.narrow(0, 0, 0), 0.1).item<double>() ==
        Approx(0).margin(1e-12));
  const at::Tensor same = ops::unit_rows(at::ones({6, 8}, at::kDouble));
  CHECK(ops::info_nce_queue(same.narrow(0, 0, 4), same.narrow(0, 0, 4), same, 0.1).item<double>() ==
        Approx(std::log(7.0)));
  CHECK(gradient_error(
            a, [](const at::Tensor& x) { return ops::info_nce_queue(x, b, queue, 0.2); }) < 1e-8);
  CHECK_THROWS_AS(ops::info_nce_queue(a, b, queue.t(), 0.1), UsageError);
  CHECK_THROWS_AS(ops::info_nce_queue(a, b, queue, 0), UsageError);
}

TEST_CASE("info_nce: a queue of several tiles gives the loss and gradients of the whole matrix",
          "[ops][loss]") {
  const at::Tensor keys = ops::unit_rows(wave(9001, 8, 2.0));
  for (const double temperature : {0.002, 0.2}) {
    const auto direct = [&](const at::Tensor& q, const at::Tensor& k) {
      const at::Tensor unit = ops::unit_rows(q);
      const at::Tensor positive = (unit * ops::unit_rows(k)).sum(1, true);
      const at::Tensor logits = at::cat({positive, unit.matmul(keys.t())}, 1) / temperature;
      return (logits.logsumexp({1}) - logits.select(1, 0)).mean() * 3;
    };
    const at::Tensor q = test::leaf(a), k = test::leaf(b);
    const at::Tensor whole = direct(q, k);
    whole.backward();
    // Measured at most: 4.3e-15 and 1.2e-6.
    for (const auto& [type, allowed] :
         {std::pair{at::kDouble, 2e-14}, std::pair{at::kFloat, 5e-6}}) {
      const at::Tensor x = test::leaf(a, type), y = test::leaf(b, type);
      const at::Tensor loss = ops::info_nce_queue(x, y, keys.to(type), temperature) * 3;
      loss.backward();
      const auto relative = [](const at::Tensor& got, const at::Tensor& want) {
        return ((got.to(at::kDouble) - want).norm() / want.norm()).item<double>();
      };
      CHECK(relative(loss, whole) < allowed);
      CHECK(relative(x.grad(), q.grad()) < allowed);
      CHECK(relative(y.grad(), k.grad()) < allowed);
    }
  }
}

TEST_CASE("info_nce: two ranks' rows among all of them have NT-Xent and its gradient",
          "[ops][loss]") {
  const std::int64_t images = GENERATE(3, 2300);  // 2300: the rows themselves lie in both tiles
  const at::Tensor values = wave(4 * images, 5, 0.4);
  const auto by_rank =
      [&](const at::Tensor& z) {  // [view 1: rank 0, rank 1; view 2: rank 0, rank 1]
        at::Tensor sum = z.sum() * 0;
        for (const std::int64_t rank : {0, 1}) {
          const std::int64_t first = rank * images, second = first + 2 * images;
          sum = sum + ops::info_nce_batch(z.narrow(0, first, images), z, second, 0.3, first) +
                ops::info_nce_batch(z.narrow(0, second, images), z, first, 0.3, second);
        }
        return sum / 4;
      };
  const at::Tensor z = test::leaf(values), whole = test::leaf(values);
  const at::Tensor loss = by_rank(z), expected = ops::nt_xent(whole, 0.3);
  loss.backward();
  expected.backward();
  CHECK(loss.item<double>() == Approx(expected.item<double>()).epsilon(1e-13));
  CHECK((z.grad() - whole.grad()).norm().item<double>() <
        1e-13 * whole.grad().norm().item<double>());
  CHECK_THROWS_AS(ops::info_nce_batch(values, values, 0, 0.3, 0), UsageError);
}

TEST_CASE("info_nce: MoCo v3's and NNCLR's values in a batch, the positive at its offset",
          "[ops][loss]") {
  check_value(
      [](auto t) {
        return (ops::info_nce_batch(a.to(t), b.to(t), 0, 0.2) +
                ops::info_nce_batch(wave(4, 8, 1.0).to(t), wave(4, 8, 1.5).to(t), 0, 0.2)) *
               0.4;
      },
      0.28361845);
  const at::Tensor nearest = queue.index_select(0, ops::unit_rows(a).matmul(queue.t()).argmax(1));
  check_value([&](auto t) { return ops::info_nce_batch(nearest.to(t), b.to(t), 0, 0.1); },
              1.15165678);
  // Queries 2 and 3 of a larger batch, as the second of two ranks has them.
  const double both = ops::info_nce_batch(a, b, 0, 0.2).item<double>();
  const double first = ops::info_nce_batch(a.narrow(0, 0, 2), b, 0, 0.2).item<double>();
  const double second = ops::info_nce_batch(a.narrow(0, 2, 2), b, 2, 0.2).item<double>();
  CHECK((first + second) / 2 == Approx(both).epsilon(1e-12));
  CHECK(gradient_error(b, [](const at::Tensor& x) { return ops::info_nce_batch(a, x, 0, 0.2); }) <
        1e-8);
  CHECK_THROWS_AS(ops::info_nce_batch(a, b, 1, 0.1), UsageError);
}

TEST_CASE(
    "off_diagonal_energy: value and gradient of the definition, with fewer and with more rows "
    "than dimensions",
    "[ops][loss]") {
  const auto [n, d] = GENERATE(std::pair<int, int>{4, 8},
                               std::pair<int, int>{9, 4},
                               std::pair<int, int>{5, 5},
                               std::pair<int, int>{1, 3});
  const at::Tensor x = wave(n, d, 0.3), y = wave(n, d, 1.1);
  const auto direct = [](const at::Tensor& p, const at::Tensor& q) {
    const at::Tensor c = p.t().matmul(q);
    return (c.square().sum() - c.diagonal().square().sum()).item<double>();
  };
  CHECK(ops::off_diagonal_energy(x, y).item<double>() ==
        Approx(direct(x, y)).epsilon(1e-10).margin(1e-10));
  CHECK(ops::off_diagonal_energy(x, x).item<double>() ==
        Approx(direct(x, x)).epsilon(1e-10).margin(1e-10));
  CHECK(gradient_error(
            x, [&](const at::Tensor& p) { return ops::off_diagonal_energy(p, y) * 1.5; }) < 1e-6);
  CHECK(gradient_error(y, [&](const at::Tensor& q) { return ops::off_diagonal_energy(x, q); }) <
        1e-6);
  CHECK(gradient_error(x, [&](const at::Tensor& p) { return ops::off_diagonal_energy(p, p); }) <
        1e-6);
}

TEST_CASE("barlow_twins: the official value, and D for a collapsed batch", "[ops][loss]") {
  const auto normed = [](const at::Tensor& z) {
    return (z - z.mean(0)) / (z.var(0, /*unbiased=*/false) + 1e-5).sqrt();
  };
  check_value([&](auto t) { return ops::barlow_twins(normed(a).to(t), normed(b).to(t), 0.0051); },
              0.30426815);
  const at::Tensor collapsed = normed(at::ones({4, 8}, at::kDouble));
  CHECK(ops::barlow_twins(collapsed, collapsed, 0.0051).item<double>() == Approx(8));
  CHECK(gradient_error(a, [&](const at::Tensor& x) { return ops::barlow_twins(x, b, 0.0051); }) <
        1e-8);
}

TEST_CASE("mean_off_diagonal: the mean of |C_ij| beside the diagonal, between 0 and 1", "[ops]") {
  const auto element = [](const at::Tensor& z, std::int64_t n, std::int64_t d) {
    return z.const_data_ptr<double>()[n * z.size(1) + d];
  };
  double sum = 0;
  for (std::int64_t i = 0; i < 8; ++i) {
    for (std::int64_t j = 0; j < 8; ++j) {
      double c = 0;
      for (std::int64_t n = 0; n < 4; ++n) c += element(a, n, i) * element(b, n, j) / 4;
      if (i != j) sum += std::abs(c);
    }
  }
  check_value([](auto t) { return ops::mean_off_diagonal(a.to(t), b.to(t)); }, sum / (8 * 7));
  const at::Tensor same = at::ones({4, 3}, at::kDouble);
  CHECK(ops::mean_off_diagonal(same, -same).item<double>() == Approx(1));
  const at::Tensor apart = at::eye(4, at::kDouble) * 2;  // columns of mean square 1
  CHECK(ops::mean_off_diagonal(apart, apart).item<double>() == 0);
}

TEST_CASE("vicreg: the official terms, and .99 of variance missing in a collapsed batch",
          "[ops][loss]") {
  const auto term = [](auto member) {
    return [=](auto t) { return ops::vicreg(a.to(t), b.to(t)).*member; };
  };
  check_value(term(&ops::VicRegTerms::invariance), 0.07805561);
  check_value(term(&ops::VicRegTerms::variance), 0.30330997);
  check_value(term(&ops::VicRegTerms::covariance), 1.79940635);
  const at::Tensor ones = at::ones({4, 8}, at::kDouble);
  const ops::VicRegTerms flat = ops::vicreg(ones, ones);
  CHECK(flat.invariance.item<double>() == 0);
  CHECK(flat.variance.item<double>() == Approx(0.99));
  CHECK(flat.covariance.item<double>() == 0);
  CHECK(gradient_error(a, [](const at::Tensor& x) {
          const ops::VicRegTerms v = ops::vicreg(x, b);
          return v.invariance * 25 + v.variance * 25 + v.covariance;
        }) < 1e-7);
}
