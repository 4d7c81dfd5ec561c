#include "config/fields.h"
#include "views/view_op.h"

#include <algorithm>
#include <array>

namespace sslrun::views {

namespace {

struct GaussianNoise final : ViewOp {
  double p = 0.5;
  std::array<double, 2> sigma{0.0, 0.1};

  void bind(config::Fields& f) override {
    f.real("p", p, {.min = 0, .max = 1}, "probability to add noise");
    f.range("sigma",
            sigma,
            {.min = 0, .max = 10},
            "standard deviation on the scale of [0, 1], smallest and largest");
  }

  void apply(Rng& rng, Canvas& canvas) const override {
    if (!(rng.uniform() < p)) return;
    const double by = rng.uniform(sigma[0], sigma[1]);
    float* const pixels = canvas.pixels();
    for (float* x = pixels; x != pixels + canvas.shape().size(); ++x)
      *x = std::clamp(*x + static_cast<float>(by * rng.normal()), 0.0f, 1.0f);
  }
};

}  // namespace

const config::ComponentSpec& view_spec_gaussian_noise() {
  static const config::ComponentSpec spec{"gaussian_noise",
                                          "adds normal noise to every value",
                                          "torchvision 0.26 GaussianNoise",
                                          make_op<GaussianNoise>};
  return spec;
}

}  // namespace sslrun::views
