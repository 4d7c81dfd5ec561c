#include "ops/classification.h"

#include "base/error.h"
#include "tests/ops/golden.h"
#include "tests/support/torch_catch.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>

#include <cmath>

namespace {

using namespace sslrun;

const at::Tensor chosen = at::tensor({2, 0, 4, 1}, at::kLong);

}  // namespace

TEST_CASE("cross_entropy: the definition in float64, ln K for equal logits, and its gradient",
          "[ops][loss]") {
  const at::Tensor logits = test::wave(4, 5, 0.3) * 3;
  double expected = 0;
  for (std::int64_t i = 0; i < 4; ++i) {
    double sum = 0;
    for (std::int64_t k = 0; k < 5; ++k) sum += std::exp(logits[i][k].item<double>());
    expected -=
        std::log(std::exp(logits[i][chosen[i].item<std::int64_t>()].item<double>()) / sum) / 4;
  }
  CHECK(ops::cross_entropy(logits, chosen).item<double>() == Approx(expected).epsilon(1e-12));
  // Four units of float32, 1.2e-7; 5.4e-9 measured.
  CHECK(ops::cross_entropy(logits.to(at::kFloat), chosen).item<double>() ==
        Approx(expected).epsilon(4.8e-7));
  CHECK(ops::cross_entropy(at::zeros({4, 5}, at::kBFloat16), chosen).item<double>() ==
        Approx(std::log(5.0)));
  CHECK(test::gradient_error(
            logits, [](const at::Tensor& x) { return ops::cross_entropy(x, chosen); }) < 1e-9);
  CHECK_THROWS_AS(ops::cross_entropy(logits, chosen.narrow(0, 0, 3)), UsageError);
}

TEST_CASE("top1: the share of rows whose largest logit is their class", "[ops]") {
  at::Tensor logits = at::zeros({4, 5});
  for (std::int64_t i = 0; i < 3; ++i) logits[i][chosen[i].item<std::int64_t>()] = 2.0;
  logits[3][0] = 1.0;
  CHECK(ops::top1(logits, chosen).item<double>() == 0.75);
}
