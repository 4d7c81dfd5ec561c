#include "config/fields.h"
#include "views/view_op.h"
#include "views/warp.h"

#include <array>

namespace sslrun::views {

namespace {

struct Perspective final : ViewOp {
  double p = 0.5;
  double distortion = 0.5;
  double fill = 0;

  void bind(config::Fields& f) override {
    f.real("p", p, {.min = 0, .max = 1}, "probability to change the view");
    f.real("distortion",
           distortion,
           {.min = 0, .max = 0.9},
           "how far a corner may move inwards, as a part of half the side");
    f.real("fill", fill, {.min = 0, .max = 1}, "value of what comes into sight at the edges");
  }

  void apply(Rng& rng, Canvas& canvas) const override {
    if (!(rng.uniform() < p)) return;
    const auto inwards = [&](std::int64_t side) {
      const double most = distortion * static_cast<double>(side / 2);
      return static_cast<double>(rng.below(static_cast<std::int64_t>(most) + 1));
    };
    const std::int64_t height = canvas.shape().height, width = canvas.shape().width;
    const auto bottom = static_cast<double>(height - 1), right = static_cast<double>(width - 1);
    std::array<Point, 4> corners{};
    for (Point& corner : corners) corner = {inwards(height), inwards(width)};
    for (const std::size_t k : {2, 3}) corners[k].y = bottom - corners[k].y;
    for (const std::size_t k : {1, 2}) corners[k].x = right - corners[k].x;
    warp_perspective(canvas, corners, static_cast<float>(fill));
  }
};

}  // namespace

const config::ComponentSpec& view_spec_perspective() {
  static const config::ComponentSpec spec{"perspective",
                                          "looks at the view from another side",
                                          "torchvision 0.26 RandomPerspective, bilinear",
                                          make_op<Perspective>};
  return spec;
}

}  // namespace sslrun::views
