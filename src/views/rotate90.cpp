#include "base/error.h"
#include "config/fields.h"
#include "views/quarter_turn.h"
#include "views/view_op.h"

#include <algorithm>

namespace sslrun::views {

namespace {

struct Rotate90 final : ViewOp {
  double p = 1;

  void bind(config::Fields& f) override {
    f.shorthand("p");
    f.real("p", p, {.min = 0, .max = 1}, "probability to draw a turn at all");
  }

  void apply(Rng& rng, Canvas& canvas) const override {
    if (!(rng.uniform() < p)) return;
    const std::int64_t turns = rng.below(4);
    const auto [height, width, channels] = canvas.shape();
    check_invariant(height == width, "a view that is turned by right angles is square");
    const std::int64_t n = width, plane = n * n;
    float* before = canvas.scratch(plane);
    for (std::int64_t c = 0; c < channels; ++c) {
      float* pixels = canvas.pixels() + c * plane;
      std::copy_n(pixels, plane, before);
      turn_plane(before, n, turns, pixels);
    }
  }
};

}  // namespace

const config::ComponentSpec& view_spec_rotate90() {
  static const config::ComponentSpec spec{"rotate90",
                                          "turns by 0, 90, 180 or 270 degrees, each as likely",
                                          "albumentations RandomRotate90",
                                          make_op<Rotate90>};
  return spec;
}

}  // namespace sslrun::views
