#include "config/fields.h"
#include "views/view_op.h"
#include "views/warp.h"

#include <array>
#include <cmath>

namespace sslrun::views {

namespace {

struct Affine final : ViewOp {
  double p = 0.5;
  std::array<double, 2> degrees{-15, 15};
  double translate = 0.1;
  std::array<double, 2> scale{0.9, 1.1};
  std::array<double, 2> shear{-10, 10};
  double fill = 0;

  void bind(config::Fields& f) override {
    f.real("p", p, {.min = 0, .max = 1}, "probability to change the view");
    f.range("degrees", degrees, {.min = -360, .max = 360}, "angle clockwise, smallest and largest");
    f.real("translate",
           translate,
           {.min = 0, .max = 1},
           "largest shift in each direction as a part of the side, in whole pixels");
    f.range("scale", scale, {.min = 0, .max = 100, .open_min = true}, "zoom, smallest and largest");
    f.range("shear",
            shear,
            {.min = -89, .max = 89},
            "slant to the side in degrees, smallest and largest");
    f.real("fill", fill, {.min = 0, .max = 1}, "value of what comes into sight at the edges");
  }

  void apply(Rng& rng, Canvas& canvas) const override {
    if (!(rng.uniform() < p)) return;
    const auto shift = [&](std::int64_t side) {
      const double most = translate * static_cast<double>(side);
      return std::nearbyint(rng.uniform(-most, most));
    };
    AffineMap map;
    map.degrees = rng.uniform(degrees[0], degrees[1]);
    map.shift_x = shift(canvas.shape().width);
    map.shift_y = shift(canvas.shape().height);
    map.zoom = rng.uniform(scale[0], scale[1]);
    map.slant = rng.uniform(shear[0], shear[1]);
    warp_affine(canvas, map, static_cast<float>(fill));
  }
};

}  // namespace

const config::ComponentSpec& view_spec_affine() {
  static const config::ComponentSpec spec{"affine",
                                          "turns, shifts, zooms and slants",
                                          "torchvision 0.26 RandomAffine, bilinear",
                                          make_op<Affine>};
  return spec;
}

}  // namespace sslrun::views
