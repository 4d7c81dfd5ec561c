#include "config/fields.h"
#include "views/view_op.h"
#include "views/view_plan.h"

#include <algorithm>

namespace sslrun::views {

namespace {

struct VerticalFlip final : ViewOp {
  double p = 0.5;

  void bind(config::Fields& f) override {
    f.shorthand("p");
    f.real("p", p, {.min = 0, .max = 1}, "probability to mirror top and bottom");
  }

  void apply(Rng& rng, Canvas& canvas) const override {
    if (!(rng.uniform() < p)) return;
    const auto [height, width, channels] = canvas.shape();
    for (std::int64_t c = 0; c < channels; ++c) {
      float* plane = canvas.pixels() + c * height * width;
      for (std::int64_t y = 0; y < height / 2; ++y)
        std::swap_ranges(
            plane + y * width, plane + (y + 1) * width, plane + (height - 1 - y) * width);
    }
  }

  bool plan(Rng& rng, ViewPlan& view) const override {
    if (rng.uniform() < p) view.flip_y = !view.flip_y;
    return true;
  }
};

}  // namespace

const config::ComponentSpec& view_spec_vertical_flip() {
  static const config::ComponentSpec spec{"vertical_flip",
                                          "mirrors top and bottom",
                                          "torchvision 0.26 RandomVerticalFlip",
                                          make_op<VerticalFlip>};
  return spec;
}

}  // namespace sslrun::views
