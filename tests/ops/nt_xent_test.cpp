#include "ops/nt_xent.h"

#include "base/error.h"
#include "base/philox.h"
#include "tests/support/torch_catch.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/ones.h>

#include <cmath>

namespace {

using namespace sslrun;

at::Tensor embeddings(std::int64_t rows, std::int64_t dim) {
  const at::Tensor z = at::empty({rows, dim}, at::kDouble);
  Rng rng(7, Purpose::kProbe, 0, 0, 0);
  for (std::int64_t i = 0; i < z.numel(); ++i) z.mutable_data_ptr<double>()[i] = rng.normal();
  return z;
}

at::Tensor leaf(const at::Tensor& values, at::ScalarType type) {
  return values.detach().to(type, false, /*copy=*/true).requires_grad_(true);
}

}  // namespace

TEST_CASE("nt_xent: identical embeddings give ln(N - 1)", "[ops][loss]") {
  for (const at::ScalarType type : {at::kFloat, at::kDouble, at::kBFloat16}) {
    CHECK(ops::nt_xent(at::ones({12, 5}, type), 0.5).item<double>() ==
          Approx(std::log(11.0)).epsilon(1e-6));
  }
  CHECK(ops::nt_xent(embeddings(2, 8).to(at::kFloat), 0.1).item<double>() ==
        Approx(0).margin(1e-6));
}

TEST_CASE("nt_xent: loss and gradient in float32 are those of the definition in float64",
          "[ops][loss]") {
  const auto [rows, dim] =
      GENERATE(std::pair<int, int>{2, 3}, std::pair<int, int>{14, 7}, std::pair<int, int>{130, 65});
  const at::Tensor values = embeddings(rows, dim);
  const at::Tensor z = leaf(values, at::kFloat), exact = leaf(values, at::kDouble);
  const at::Tensor loss = ops::nt_xent(z, 0.2), exact_loss = ops::nt_xent(exact, 0.2);
  (loss * 3).backward();
  (exact_loss * 3).backward();
  CHECK(loss.item<double>() == Approx(exact_loss.item<double>()).epsilon(1e-5).margin(1e-6));
  const double error = (z.grad() - exact.grad()).norm().item<double>();
  CHECK(error <= 1e-5 * exact.grad().norm().item<double>() + 1e-6);
}

TEST_CASE("nt_xent: the gradient in float64 is the finite difference", "[ops][loss]") {
  const at::Tensor z = leaf(embeddings(6, 4), at::kDouble);
  ops::nt_xent(z, 0.3).backward();
  for (std::int64_t i = 0; i < z.numel(); ++i) {
    const auto at_offset = [&](double h) {
      const at::Tensor moved = z.detach().clone();
      moved.mutable_data_ptr<double>()[i] += h;
      return ops::nt_xent(moved, 0.3).item<double>();
    };
    const double expected = (at_offset(1e-5) - at_offset(-1e-5)) / 2e-5;
    CHECK(z.grad().flatten()[i].item<double>() == Approx(expected).margin(1e-8));
  }
}

TEST_CASE("nt_xent: shapes and temperatures that mean nothing are refused", "[ops][loss]") {
  CHECK_THROWS_AS(ops::nt_xent(at::ones({3, 2}), 0.1), UsageError);
  CHECK_THROWS_AS(ops::nt_xent(at::ones({4}), 0.1), UsageError);
  CHECK_THROWS_AS(ops::nt_xent(at::ones({4, 2}), 0), UsageError);
}
