// SIGReg against its golden value, its expectation and a world of two ranks.
#include "ops/sigreg.h"

#include "base/error.h"
#include "base/philox.h"
#include "dist/world.h"
#include "tests/ops/golden.h"
#include "tests/support/torch_catch.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/zeros.h>

#include <cmath>

namespace {

using namespace sslrun;
using at::Tensor;
using test::wave;

Tensor unit_columns(const Tensor& a) {
  return a / a.norm(2, {0}, true);
}

double sigreg(const Tensor& z_VND, const Tensor& slices) {
  return ops::sigreg(z_VND, slices, *dist::single_world()).item<double>();
}

/// Rank 0 of two that hold the same rows.
class Twins final : public dist::World {
 public:
  std::int64_t rank() const override { return 0; }

  std::int64_t size() const override { return 2; }

  Tensor all_gather(const Tensor& rows) override { return at::cat({rows, rows}); }

  Tensor all_reduce_sum(const Tensor& value) override { return value * 2; }

  std::function<void()> start_sum(const Tensor& value) override {
    value.mul_(2);
    return [] {};
  }

  void barrier() override {}
};

const Tensor a = wave(4, 8, 0.1).unsqueeze(0), slices = unit_columns(wave(8, 6, 10.0));

}  // namespace

TEST_CASE("sigreg: the official value, in float64 and float32, and that of collapsed rows",
          "[ops][loss]") {
  CHECK(sigreg(a, slices) == Approx(0.99484238).margin(1e-8));
  // Four units of float32, 1.2e-7; 9.0e-8 measured.
  CHECK(sigreg(a.to(at::kFloat), slices.to(at::kFloat)) == Approx(0.99484238).epsilon(4.8e-7));
  for (const std::int64_t n : {1, 4, 37})
    CHECK(sigreg(at::zeros({2, n, 8}, at::kDouble), slices) ==
          Approx(0.40204758 * double(n)).epsilon(1e-7));
  CHECK(sigreg(-a, slices) == Approx(sigreg(a, slices)).epsilon(1e-12));
  CHECK_THROWS_AS(ops::sigreg(a[0], slices, *dist::single_world()), UsageError);
}

TEST_CASE("sigreg: views are judged one by one and then averaged", "[ops][loss]") {
  const Tensor b = wave(4, 8, 0.5).unsqueeze(0);
  CHECK(sigreg(at::cat({a, b}), slices) ==
        Approx((sigreg(a, slices) + sigreg(b, slices)) / 2).epsilon(1e-12));
}

TEST_CASE("sigreg: Gaussian rows give 1.0525 however many they are", "[ops][loss]") {
  const std::int64_t n = GENERATE(8, 64);
  constexpr std::int64_t kDraws = 3000;  // each with a slice of its own: one dimension
  const Tensor z = at::zeros({kDraws, n, 1}, at::kDouble);
  Rng rng(1, Purpose::kMethod, 0, 0, 0);
  for (std::int64_t i = 0; i < z.numel(); ++i) z.mutable_data_ptr<double>()[i] = rng.normal();
  const Tensor one = at::zeros({1, 1}, at::kDouble) + 1;
  // Four standard errors; the statistic's deviation is 0.95, measured on other draws.
  CHECK(sigreg(z, one) == Approx(1.0525).margin(4 * 0.95 / std::sqrt(double(kDraws))));
}

TEST_CASE("sigreg: its gradient, also through the sum over two ranks", "[ops][loss]") {
  CHECK(test::gradient_error(a, [](const Tensor& z) {
          return ops::sigreg(z, slices, *dist::single_world());
        }) < 1e-8);
  Twins twins;
  const Tensor mine = test::leaf(a), both = test::leaf(at::cat({a, a}, 1));
  const Tensor split = ops::sigreg(mine, slices, twins);
  const Tensor whole = ops::sigreg(both, slices, *dist::single_world());
  CHECK(split.item<double>() == Approx(whole.item<double>()).epsilon(1e-12));
  split.backward();
  whole.backward();
  // Gradients are averaged over ranks: the mean of two equal ones is that of one process.
  const Tensor expected = both.grad().narrow(1, 0, 4) + both.grad().narrow(1, 4, 4);
  CHECK((mine.grad() - expected).abs().max().item<double>() < 1e-12);
}

TEST_CASE("sigreg_slices: unit columns that follow from seed and step", "[ops]") {
  const Tensor s = ops::sigreg_slices(5, 40, 7, 3);
  REQUIRE(s.sizes() == at::IntArrayRef({5, 40}));
  CHECK((s.norm(2, {0}) - 1).abs().max().item<double>() < 1e-6);
  CHECK(s.equal(ops::sigreg_slices(5, 40, 7, 3)));
  CHECK(!s.equal(ops::sigreg_slices(5, 40, 7, 4)));
  CHECK(!s.equal(ops::sigreg_slices(5, 40, 8, 3)));
  CHECK(s.mean({1}).abs().max().item<double>() < 4 * std::sqrt(1 / 5.0 / 40));
}
