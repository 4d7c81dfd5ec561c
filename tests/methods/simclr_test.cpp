#include "config/component.h"
#include "dist/world.h"
#include "methods/method.h"
#include "methods/method_configs.h"
#include "methods/simclr_config.h"
#include "ops/step.h"
#include "tests/support/torch_catch.h"

#include <ATen/core/Tensor.h>

#include <cmath>
#include <vector>

namespace {

using namespace sslrun;

/// Features are the mean colour of an image: the loss can then be computed by hand.
class MeanColour final : public encoders::Encoder {
 public:
  at::Tensor forward(const at::Tensor& x_NCHW) const override {
    return x_NCHW.mean(at::IntArrayRef{2, 3});
  }

  std::int64_t width() const override { return 3; }
};

/// SimCLR whose projector is: linear to 3 as the identity, batch norm, ReLU, linear to 2 with the
/// given rows, batch norm.
std::unique_ptr<methods::Method> make(double temperature) {
  auto component = config::make_component(methods::method_specs(), "simclr");
  auto& config = dynamic_cast<methods::SimClrConfig&>(*component.config);
  config.temperature = temperature;
  config.projector = {.hidden_dim = 3, .output_dim = 2};
  auto method = methods::make_method(
      component, {.make_encoder = [] { return std::make_unique<MeanColour>(); }, .seed = 1});
  for (const auto& [name, tensor] : method->named_parameters()) {
    if (!name.ends_with("weight") || tensor.dim() != 2) continue;
    for (std::int64_t r = 0; r < tensor.size(0); ++r) {
      for (std::int64_t c = 0; c < tensor.size(1); ++c)
        tensor.detach()[r][c].fill_(r == c ? 1.0 : 0.25 * static_cast<double>(r));
    }
  }
  return method;
}

using Matrix = std::vector<std::vector<double>>;

/// Batch norm over rows, eps 1e-5, no affine.
Matrix normed(Matrix x) {
  for (std::size_t c = 0; c < x[0].size(); ++c) {
    double mean = 0, var = 0;
    for (const auto& row : x) mean += row[c] / static_cast<double>(x.size());
    for (const auto& row : x)
      var += (row[c] - mean) * (row[c] - mean) / static_cast<double>(x.size());
    for (auto& row : x) row[c] = (row[c] - mean) / std::sqrt(var + 1e-5);
  }
  return x;
}

Matrix times_weights(const Matrix& x, std::size_t outputs) {
  Matrix y(x.size(), std::vector<double>(outputs, 0));
  for (std::size_t i = 0; i < x.size(); ++i) {
    for (std::size_t r = 0; r < outputs; ++r) {
      for (std::size_t c = 0; c < x[i].size(); ++c)
        y[i][r] += (r == c ? 1.0 : 0.25 * static_cast<double>(r)) * x[i][c];
    }
  }
  return y;
}

/// Equation 1 of the paper, row by row, in float64.
double nt_xent_by_definition(const Matrix& z, double temperature) {
  const auto cosine = [&](std::size_t i, std::size_t j) {
    double dot = 0, a = 0, b = 0;
    for (std::size_t d = 0; d < z[i].size(); ++d) {
      dot += z[i][d] * z[j][d];
      a += z[i][d] * z[i][d];
      b += z[j][d] * z[j][d];
    }
    return dot / std::sqrt(a * b);
  };
  double loss = 0;
  for (std::size_t i = 0; i < z.size(); ++i) {
    double sum = 0;
    for (std::size_t j = 0; j < z.size(); ++j) {
      if (j != i) sum += std::exp(cosine(i, j) / temperature);
    }
    loss += std::log(sum) - cosine(i, (i + z.size() / 2) % z.size()) / temperature;
  }
  return loss / static_cast<double>(z.size());
}

}  // namespace

TEST_CASE("simclr: the loss is the paper's, computed by hand through projector and both views",
          "[methods][simclr]") {
  constexpr std::int64_t kImages = 4, kSide = 2;
  std::vector<std::vector<float>> pixels(2);
  Matrix colours;
  for (std::size_t view = 0; view < 2; ++view) {
    for (std::int64_t i = 0; i < kImages; ++i) {
      std::vector<double> colour;
      for (int c = 0; c < 3; ++c)
        colour.push_back(
            std::sin(1.7 * static_cast<double>(i) + 2.3 * c + 0.4 * static_cast<double>(view)));
      colours.push_back(colour);
      for (int p = 0; p < kSide * kSide; ++p) {
        for (const double c : colour) pixels[view].push_back(static_cast<float>(c));
      }
    }
  }
  Matrix hidden = normed(times_weights(colours, 3));
  for (auto& row : hidden) {
    for (double& v : row) v = std::max(v, 0.0);
  }
  const Matrix z = normed(times_weights(hidden, 2));

  const double temperature = GENERATE(0.1, 0.5);
  const auto method = make(temperature);
  const at::Tensor views[] = {ops::images_to(pixels[0].data(), kImages, kSide, kSide, 3, at::kCPU),
                              ops::images_to(pixels[1].data(), kImages, kSide, kSide, 3, at::kCPU)};
  const auto world = dist::single_world();
  const methods::StepResult result = method->forward(views, {*world});
  // Worst measured relative difference of float32 from this definition: see the loop of
  // temperatures, below 1e-6.
  CHECK(ops::value(result.loss) == Approx(nt_xent_by_definition(z, temperature)).epsilon(4e-6));
  REQUIRE(result.scalars.size() == 1);
  CHECK(result.scalars[0].first == "embedding_std");
}
