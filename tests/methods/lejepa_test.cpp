// LeJEPA: all views through one network, global ones make the centre, every one is regularised.
#include "ops/sigreg.h"
#include "tests/methods/setting.h"
#include "tests/support/torch_catch.h"

#include <ATen/ops/cat.h>

#include <cmath>

namespace {

using namespace sslrun;
using namespace sslrun::test;

/// The statistic of one view along one slice, from its definition.
double epps_pulley(const Tensor& x) {
  const auto n = static_cast<double>(x.numel());
  double sum = 0;
  for (int k = 0; k <= 16; ++k) {
    const double t = 3.0 * k / 16, phi = std::exp(-t * t / 2);
    const double dt = 3.0 / 16 * (k == 0 || k == 16 ? 1 : 2);
    double c = 0, s = 0;
    for (std::int64_t i = 0; i < x.numel(); ++i) {
      c += std::cos(t * x[i].item<double>()) / n;
      s += std::sin(t * x[i].item<double>()) / n;
    }
    sum += phi * dt * ((c - phi) * (c - phi) + s * s);
  }
  return n * sum;
}

}  // namespace

TEST_CASE("lejepa: distance to the mean of the global views, and SIGReg of every view",
          "[methods]") {
  // Sides of two global and two local views.
  const bool linear = GENERATE(false, true);
  Setting s(std::string("{name: lejepa, lambda: 0.3, slices: 5, global_views: 2, projector: "
                        "{hidden_dim: 8, output_dim: 6}") +
                (linear ? ", linear_dim: 7}" : "}"),
            {4, 4, 2, 2});
  s.progress.step = 9;
  const State state = s.state();
  std::vector<Tensor> all;
  for (std::size_t v = 0; v < 4; ++v) all.push_back(features(state, "encoder", s, v));
  // One batch norm over the rows of all views.
  Tensor x = at::cat(all);
  if (linear) x = x.matmul(state.at("linear.weight").t()) + state.at("linear.bias");
  const Tensor z = head(state, "projector", x).view({4, kImages, 6});
  const Tensor centre = (z[0] + z[1]) / 2;
  const double invariance = (z - centre).square().mean().item<double>();
  const Tensor slices = ops::sigreg_slices(6, 5, 3, 9).to(at::kDouble);
  double sigreg = 0;
  for (std::int64_t v = 0; v < 4; ++v)
    for (std::int64_t m = 0; m < 5; ++m)
      sigreg += epps_pulley(z[v].matmul(slices.select(1, m))) / 20;
  // Four units of float32, 1.2e-7; 1.3e-8 measured.
  CHECK(s.loss() == Approx(0.7 * invariance + 0.3 * sigreg).epsilon(4.8e-7));
  const double now = s.loss();
  s.progress.step = 10;
  CHECK(s.loss() != now);  // other slices
}
