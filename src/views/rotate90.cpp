#include "base/error.h"
#include "config/fields.h"
#include "views/view_op.h"

#include <algorithm>

namespace sslrun::views {

namespace {

// Where the pixel at (y, x) comes from after this many quarter turns counter-clockwise.
std::int64_t turned(std::int64_t y, std::int64_t x, std::int64_t n, std::int64_t turns) {
  switch (turns) {
    case 1:
      return x * n + n - 1 - y;
    case 2:
      return (n - 1 - y) * n + n - 1 - x;
    case 3:
      return (n - 1 - x) * n + y;
    default:
      return y * n + x;
  }
}

struct Rotate90 final : ViewOp {
  double p = 1;

  void bind(config::Fields& f) override {
    f.shorthand("p");
    f.real("p", p, {.min = 0, .max = 1}, "probability to draw a turn at all");
  }

  void apply(Rng& rng, Canvas& canvas) const override {
    if (!(rng.uniform() < p)) return;
    const std::int64_t turns = rng.below(4);
    const auto [height, width, channels] = canvas.shape;
    check_invariant(height == width, "a view that is turned by right angles is square");
    const std::int64_t n = width, plane = n * n;
    float* before = canvas.scratch(plane);
    for (std::int64_t c = 0; c < channels; ++c) {
      float* pixels = canvas.pixels + c * plane;
      std::copy_n(pixels, plane, before);
      for (std::int64_t y = 0; y < n; ++y)
        for (std::int64_t x = 0; x < n; ++x) pixels[y * n + x] = before[turned(y, x, n, turns)];
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
