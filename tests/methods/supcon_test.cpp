// Supervised contrast and the decoupled losses of SimCLR: which rows are positives of which.
#include "tests/methods/setting.h"
#include "tests/support/torch_catch.h"

#include <ATen/ops/cat.h>
#include <ATen/ops/tensor.h>

#include <cmath>

namespace {

using namespace sslrun;
using namespace sslrun::test;

// Four times the worst relative difference of float32 from float64 measured below: 4.7e-7, DCL.
constexpr double kTolerance = 1.9e-6;

/// Cosines over temperature between the embeddings of both views, view by view.
Tensor similarities(const Setting& s, const State& state, double temperature) {
  const Tensor z =
      unit(head(state,
                "projector",
                at::cat({features(state, "encoder", s, 0), features(state, "encoder", s, 1)})));
  return z.matmul(z.t()) / temperature;
}

double at2(const Tensor& m, std::int64_t i, std::int64_t j) {
  return m[i][j].item<double>();
}

}  // namespace

TEST_CASE("supcon: every other view of the class is a positive, and none is compared with itself",
          "[methods]") {
  Setting s("{name: supcon, temperature: 0.3, projector: {hidden_dim: 8, output_dim: 6}}");
  const std::vector<std::int64_t> labels = {1, 0, 1, 4, 0, 1};
  s.labels = at::tensor(at::ArrayRef<std::int64_t>(labels), at::kLong);
  const Tensor sim = similarities(s, s.state(), 0.3);
  double expected = 0;
  constexpr std::int64_t rows = 2 * kImages;
  const auto label = [&](std::int64_t row) { return labels[std::size_t(row % kImages)]; };
  for (std::int64_t i = 0; i < rows; ++i) {
    double total = 0, sum = 0;
    std::int64_t positives = 0;
    for (std::int64_t j = 0; j < rows; ++j)
      if (j != i) total += std::exp(at2(sim, i, j));
    for (std::int64_t j = 0; j < rows; ++j) {
      if (j == i || label(j) != label(i)) continue;
      sum += std::log(std::exp(at2(sim, i, j)) / total);
      ++positives;
    }
    expected -= sum / static_cast<double>(positives) / rows;
  }
  CHECK(s.loss() == Approx(expected).epsilon(kTolerance));
}

TEST_CASE("simclr: dcl leaves the positive out of the sum, and dclw weighs it", "[methods]") {
  const bool weighted = GENERATE(false, true);
  Setting s(std::string("{name: simclr, temperature: 0.4, sigma: 0.3, projector: {hidden_dim: 8, "
                        "output_dim: 6}, loss: ") +
            (weighted ? "dclw}" : "dcl}"));
  const Tensor sim = similarities(s, s.state(), 0.4);
  double total_weight = 0, expected = 0;
  const auto raw_weight = [&](std::int64_t i) {
    return std::exp(at2(sim, i, i + kImages) * 0.4 / 0.3);
  };
  for (std::int64_t i = 0; i < kImages; ++i) total_weight += raw_weight(i);
  for (std::int64_t row = 0; row < 2 * kImages; ++row) {
    const std::int64_t image = row % kImages;
    double sum = 0;
    for (std::int64_t j = 0; j < 2 * kImages; ++j)
      if (j % kImages != image) sum += std::exp(at2(sim, row, j));
    const double weight = weighted ? 2 - kImages * raw_weight(image) / total_weight : 1;
    expected += (std::log(sum) - weight * at2(sim, image, image + kImages)) / (2 * kImages);
  }
  CHECK(s.loss() == Approx(expected).epsilon(kTolerance));
}
