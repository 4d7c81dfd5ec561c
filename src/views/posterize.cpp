#include "config/fields.h"
#include "views/view_op.h"
#include "views/view_plan.h"

namespace sslrun::views {

namespace {

struct Posterize final : ViewOp {
  double p = 0.5;
  std::int64_t bits = 4;

  void bind(config::Fields& f) override {
    f.real("p", p, {.min = 0, .max = 1}, "probability to posterize");
    f.integer("bits", bits, {.min = 1, .max = 8}, "bits of a byte that are kept");
  }

  void apply(Rng& rng, Canvas& canvas) const override {
    if (rng.uniform() < p) canvas.add({kernels::ToneOp::kPosterize, static_cast<float>(bits)});
  }

  bool plan(Rng& rng, ViewPlan& view) const override {
    if (rng.uniform() < p) view.add({kernels::ToneOp::kPosterize, static_cast<float>(bits)});
    return view.reserve_steps(1);
  }
};

}  // namespace

const config::ComponentSpec& view_spec_posterize() {
  static const config::ComponentSpec spec{"posterize",
                                          "keeps the highest bits of each value",
                                          "torchvision 0.26 RandomPosterize",
                                          make_op<Posterize>};
  return spec;
}

}  // namespace sslrun::views
