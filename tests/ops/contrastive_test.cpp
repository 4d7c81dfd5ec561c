// DCL, DCLW and supervised contrast against the official code: tests/golden/contrastive.py.
#include "base/error.h"
#include "base/file.h"
#include "ops/decoupled_contrast.h"
#include "ops/supervised_contrast.h"
#include "tests/ops/golden.h"
#include "tests/support/torch_catch.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/tensor.h>

#include <nlohmann/json.hpp>

#include <cmath>
#include <string>

namespace {

using namespace sslrun;
using at::Tensor;
using nlohmann::json;

const json& golden() {
  static const json content =
      json::parse(read_file(std::string(SSLRUN_TEST_DIR) + "/golden/contrastive.json"));
  return content;
}

Tensor views(std::int64_t n, std::int64_t d) {
  return at::cat({test::wave(n, d, 0.1), test::wave(n, d, 0.5)});
}

Tensor labels_of(const json& one) {
  const auto values = one["labels"].get<std::vector<std::int64_t>>();
  return at::tensor(at::ArrayRef<std::int64_t>(values), at::kLong).repeat({2});
}

/// Value and gradient in float64 and the value in float32.
void check(const json& one, const std::function<Tensor(const Tensor&)>& loss) {
  const Tensor z = test::leaf(views(one["n"], one["d"]));
  const Tensor value = loss(z);
  CHECK(value.item<double>() == Approx(one["loss"].get<double>()).epsilon(1e-10));
  value.backward();
  const auto gradient = one["gradient"].get<std::vector<std::vector<double>>>();
  for (std::size_t i = 0; i < gradient.size(); ++i)
    for (std::size_t j = 0; j < gradient[i].size(); ++j)
      CHECK(z.grad()[std::int64_t(i)][std::int64_t(j)].item<double>() ==
            Approx(gradient[i][j]).margin(1e-10));
  // Four times the worst measured, 2.7e-7.
  CHECK(loss(z.detach().to(at::kFloat)).item<double>() ==
        Approx(one["loss"].get<double>()).epsilon(1.1e-6));
}

}  // namespace

TEST_CASE("dcl: lightly's values and gradients", "[ops][loss]") {
  for (const json& one : golden()["dcl"])
    check(one, [&](const Tensor& z) { return ops::dcl(z, one["temperature"]); });
  CHECK_THROWS_AS(ops::dcl(views(4, 8).narrow(0, 0, 7), 0.1), UsageError);
  CHECK_THROWS_AS(ops::dcl(views(1, 8), 0.1), UsageError);
}

TEST_CASE("dcl: the losses of parts of the images have the mean and gradient of all",
          "[ops][loss]") {
  const bool weighted = GENERATE(false, true);
  const auto loss = [&](const Tensor& z, const std::optional<ops::ImageRange>& of) {
    return weighted ? ops::dclw(z, 0.3, 0.4, of) : ops::dcl(z, 0.3, of);
  };
  const Tensor whole = test::leaf(views(6, 5)), parts = test::leaf(views(6, 5));
  const Tensor expected = loss(whole, std::nullopt);
  const Tensor mean =
      (loss(parts, ops::ImageRange{0, 2}) * 2 + loss(parts, ops::ImageRange{2, 4}) * 4) / 6;
  expected.backward();
  mean.backward();
  CHECK(std::abs((mean - expected).item<double>()) < 1e-14);
  CHECK((parts.grad() - whole.grad()).abs().max().item<double>() < 1e-14);
}

TEST_CASE("dclw: lightly's values and gradients", "[ops][loss]") {
  for (const json& one : golden()["dclw"])
    check(one, [&](const Tensor& z) { return ops::dclw(z, one["temperature"], one["sigma"]); });
}

TEST_CASE("supervised_contrast: SupContrast's values and gradients, and ln(N - 1) of equal rows",
          "[ops][loss]") {
  for (const json& one : golden()["supcon"]) {
    const Tensor labels = labels_of(one);
    check(one,
          [&](const Tensor& z) { return ops::supervised_contrast(z, labels, one["temperature"]); });
  }
  const Tensor labels = labels_of(golden()["supcon"][0]);
  CHECK(ops::supervised_contrast(at::ones({8, 3}, at::kDouble), labels, 0.1).item<double>() ==
        Approx(std::log(7.0)));
  CHECK_THROWS_AS(ops::supervised_contrast(views(4, 8), labels.narrow(0, 0, 7), 0.1), UsageError);
}
