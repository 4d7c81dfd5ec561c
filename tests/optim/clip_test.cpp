#include "optim/clip.h"

#include "recipe/recipe.h"
#include "tests/support/torch_catch.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

namespace {

using namespace sslrun;

struct Cut {
  std::string name;
  std::vector<double> gradient;
  double length;  // what the gradient is measured with
};

// Lengths 5 and 12 in the encoder, 84 in one head, 0.5 in the other.
const std::vector<double> kA{3, -4}, kB{12}, kC{0, 84}, kD{-0.3, 0.4};

std::vector<Cut> cuts(const std::string& scope) {
  const double all = std::sqrt(25 + 144 + 84 * 84 + 0.25);
  if (scope == "global")
    return {
        {"encoder.a", kA, all}, {"encoder.b", kB, all}, {"head.c", kC, all}, {"other.d", kD, all}};
  if (scope == "module")
    return {{"encoder.a", kA, 13}, {"encoder.b", kB, 13}, {"head.c", kC, 84}, {"other.d", kD, 0.5}};
  return {{"encoder.a", kA, 5}, {"encoder.b", kB, 12}, {"head.c", kC, 84}, {"other.d", kD, 0.5}};
}

}  // namespace

TEST_CASE("clip: gradients longer than the norm are cut to it, others stay, in every scope",
          "[optim][clip]") {
  const double norm = GENERATE(3.0, 10.0);
  const std::string scope = GENERATE("global", "module", "tensor");
  nn::NamedTensors parameters;
  for (const Cut& cut : cuts(scope)) {
    const auto size = static_cast<std::int64_t>(cut.gradient.size());
    at::Tensor t = at::zeros({size}, at::kDouble).requires_grad_(true);
    t.mutable_grad() = at::tensor(cut.gradient, at::kDouble);
    parameters.emplace_back(cut.name, t);
  }
  optim::clip_gradients(parameters, {.norm = norm, .scope = scope});
  const std::vector<Cut> expected = cuts(scope);
  for (std::size_t i = 0; i < expected.size(); ++i) {
    const double factor = std::min(1.0, norm / (expected[i].length + 1e-6));
    INFO(scope << " " << expected[i].name);
    for (std::size_t k = 0; k < expected[i].gradient.size(); ++k) {
      const double got = parameters[i].second.grad().const_data_ptr<double>()[k];
      CHECK(got == Approx(factor * expected[i].gradient[k]).epsilon(1e-15).margin(0));
    }
  }
}
