#include "views/grayscale.h"

#include "config/fields.h"
#include "views/view_plan.h"

namespace sslrun::views {

void Grayscale::bind(config::Fields& f) {
  f.shorthand("p");
  f.real("p", p, {.min = 0, .max = 1}, "probability to drop the colours");
}

void Grayscale::apply(Rng& rng, Canvas& canvas) const {
  if (sample(rng)) canvas.add({kernels::ToneOp::kGrayscale, 0});
}

bool Grayscale::plan(Rng& rng, ViewPlan& view) const {
  if (sample(rng)) view.add({kernels::ToneOp::kGrayscale, 0});
  return !view.after_blur && view.reserve_steps(1);
}

std::string Grayscale::channels_problem(std::int64_t channels) const {
  return channels == 3 ? "" : "needs the 3 channels of RGB";
}

const config::ComponentSpec& view_spec_grayscale() {
  static const config::ComponentSpec spec{"grayscale",
                                          "replaces the colours by their luma",
                                          "torchvision 0.26 RandomGrayscale",
                                          make_op<Grayscale>};
  return spec;
}

}  // namespace sslrun::views
