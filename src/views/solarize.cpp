#include "config/fields.h"
#include "views/view_op.h"
#include "views/view_plan.h"

namespace sslrun::views {

namespace {

struct Solarize final : ViewOp {
  double p = 0.2;
  double threshold = 0.5;

  void bind(config::Fields& f) override {
    f.shorthand("p");
    f.real("p", p, {.min = 0, .max = 1}, "probability to invert");
    f.real("threshold",
           threshold,
           {.min = 0, .max = 1},
           "smallest value that is inverted, on the scale of [0, 1]; 0.5 is 128 of 255");
  }

  void apply(Rng& rng, Canvas& canvas) const override {
    if (rng.uniform() < p) canvas.add({kernels::ToneOp::kSolarize, static_cast<float>(threshold)});
  }

  bool plan(Rng& rng, ViewPlan& view) const override {
    if (rng.uniform() < p) view.add({kernels::ToneOp::kSolarize, static_cast<float>(threshold)});
    return view.reserve_steps(1);
  }
};

}  // namespace

const config::ComponentSpec& view_spec_solarize() {
  static const config::ComponentSpec spec{
      "solarize",
      "inverts values from a threshold on",
      "torchvision 0.26 RandomSolarize; BYOL, arXiv:2006.07733 appendix B",
      make_op<Solarize>};
  return spec;
}

}  // namespace sslrun::views
