#include "views/gaussian_blur.h"

#include "config/fields.h"
#include "kernels/augment/gaussian_blur.h"
#include "views/view_plan.h"

namespace sslrun::views {

void GaussianBlur::bind(config::Fields& f) {
  f.real("p", p, {.min = 0, .max = 1}, "probability to blur");
  f.range("sigma",
          sigma,
          {.min = 0, .open_min = true},
          "standard deviation in pixels, smallest and largest");
  f.integer_or_auto("kernel_size",
                    kernel_size,
                    {.min = 1, .max = kMaxTaps},
                    "taps on a side, odd; auto: 2 * int(size / 20) + 1, so 23 at 224");
  f.check("kernel_size",
          !kernel_size || *kernel_size % 2 == 1,
          "must be odd",
          "use one more or one less");
}

std::optional<double> GaussianBlur::sample(Rng& rng) const {
  if (!(rng.uniform() < p)) return std::nullopt;
  return rng.uniform(sigma[0], sigma[1]);
}

void GaussianBlur::apply(Rng& rng, Canvas& canvas) const {
  const std::optional<double> drawn = sample(rng);
  if (!drawn) return;
  const auto [height, width, channels] = canvas.shape();
  const std::int64_t radius = taps(height) / 2;
  const kernels::GaussianBlurView view{.pixels = canvas.pixels(),
                                       .sigma = static_cast<float>(*drawn)};
  float* scratch =
      canvas.scratch(kernels::gaussian_blur_scratch(height, width, radius, kernels::Cpu{}));
  kernels::gaussian_blur({&view, 1, height, width, radius, scratch, channels}, kernels::Cpu{});
}

bool GaussianBlur::plan(Rng& rng, ViewPlan& view) const {
  const bool first = !view.after_blur;
  view.after_blur = true;
  view.sigma = sample(rng).value_or(0);
  view.radius = taps(view.shape.height) / 2;
  return first;
}

const config::ComponentSpec& view_spec_gaussian_blur() {
  static const config::ComponentSpec spec{"gaussian_blur",
                                          "blurs by a Gaussian of random width",
                                          "SimCLR, arXiv:2002.05709 appendix A",
                                          make_op<GaussianBlur>};
  return spec;
}

}  // namespace sslrun::views
