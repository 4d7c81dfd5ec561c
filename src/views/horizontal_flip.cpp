#include "views/horizontal_flip.h"

#include "config/fields.h"
#include "views/view_plan.h"

namespace sslrun::views {

void HorizontalFlip::bind(config::Fields& f) {
  f.shorthand("p");
  f.real("p", p, {.min = 0, .max = 1}, "probability to mirror left and right");
}

void HorizontalFlip::apply(Rng& rng, Canvas& canvas) const {
  if (sample(rng)) canvas.mirror();
}

bool HorizontalFlip::plan(Rng& rng, ViewPlan& view) const {
  if (sample(rng)) view.flip_x = !view.flip_x;
  return true;
}

const config::ComponentSpec& view_spec_horizontal_flip() {
  static const config::ComponentSpec spec{"horizontal_flip",
                                          "mirrors left and right",
                                          "torchvision 0.26 RandomHorizontalFlip",
                                          make_op<HorizontalFlip>};
  return spec;
}

}  // namespace sslrun::views
