#include "config/fields.h"
#include "kernels/augment/gaussian_blur.h"
#include "views/view_op.h"
#include "views/warp.h"

#include <cmath>
#include <vector>

namespace sslrun::views {

namespace {

struct Elastic final : ViewOp {
  double p = 0.5;
  double alpha = 60;
  double sigma = 6;

  void bind(config::Fields& f) override {
    f.real("p", p, {.min = 0, .max = 1}, "probability to bend");
    f.real("alpha",
           alpha,
           {.min = 0, .max = 10000},
           "strength: a pixel moves by 0.16 alpha / sigma pixels, standard deviation each way");
    f.real("sigma",
           sigma,
           {.min = 0.5, .max = 16},
           "width in pixels over which the movement is smoothed");
  }

  void apply(Rng& rng, Canvas& canvas) const override {
    if (!(rng.uniform() < p)) return;
    const std::int64_t height = canvas.shape().height, width = canvas.shape().width;
    const std::int64_t plane = height * width;
    thread_local std::vector<float> moves;  // down, and to the right
    moves.resize(static_cast<std::size_t>(2 * plane));
    for (float& move : moves) move = static_cast<float>(rng.uniform(-1, 1));
    const auto radius = static_cast<std::int64_t>(std::ceil(4 * sigma));
    const kernels::GaussianBlurView blurred{.pixels = moves.data(),
                                            .sigma = static_cast<float>(sigma)};
    float* scratch =
        canvas.scratch(kernels::gaussian_blur_scratch(height, width, radius, kernels::Cpu{}));
    kernels::gaussian_blur({&blurred, 1, height, width, radius, scratch, 2}, kernels::Cpu{});
    const float* down = moves.data();
    warp(canvas, std::nullopt, [&](std::int64_t y, std::int64_t x) {
      const double move_y = down[y * width + x], move_x = down[plane + y * width + x];
      return Point{static_cast<double>(y) + alpha * move_y,
                   static_cast<double>(x) + alpha * move_x};
    });
  }
};

}  // namespace

const config::ComponentSpec& view_spec_elastic() {
  static const config::ComponentSpec spec{"elastic",
                                          "bends the view as if it were rubber",
                                          "Simard, Steinkraus, Platt 2003, section 2",
                                          make_op<Elastic>};
  return spec;
}

}  // namespace sslrun::views
