#include "config/fields.h"
#include "views/view_op.h"
#include "views/warp.h"

namespace sslrun::views {

namespace {

struct Rotate final : ViewOp {
  double p = 0.5;
  std::array<double, 2> degrees{-30, 30};
  double fill = 0;

  void bind(config::Fields& f) override {
    f.real("p", p, {.min = 0, .max = 1}, "probability to turn");
    f.range("degrees",
            degrees,
            {.min = -360, .max = 360},
            "angle counter-clockwise, smallest and largest");
    f.real("fill", fill, {.min = 0, .max = 1}, "value of what comes into sight at the edges");
  }

  void apply(Rng& rng, Canvas& canvas) const override {
    if (!(rng.uniform() < p)) return;
    const double angle = rng.uniform(degrees[0], degrees[1]);
    warp_affine(canvas, {.degrees = -angle}, static_cast<float>(fill));
  }
};

}  // namespace

const config::ComponentSpec& view_spec_rotate() {
  static const config::ComponentSpec spec{"rotate",
                                          "turns by a random angle",
                                          "torchvision 0.26 RandomRotation, bilinear",
                                          make_op<Rotate>};
  return spec;
}

}  // namespace sslrun::views
