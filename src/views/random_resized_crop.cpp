#include "views/random_resized_crop.h"

#include "config/fields.h"
#include "views/view_plan.h"

#include <algorithm>
#include <cmath>

namespace sslrun::views {

namespace {

constexpr int kTries = 10;

// Ties to even, as Python's round.
std::int64_t round_even(double x) {
  return static_cast<std::int64_t>(std::nearbyint(x));
}

}  // namespace

void RandomResizedCrop::bind(config::Fields& f) {
  f.integer("size", size, {.min = 1, .max = 4096}, "side of the view in pixels");
  f.range("scale",
          scale,
          {.min = 0, .max = 1, .open_min = true},
          "part of the image's area to keep, smallest and largest");
  f.range("ratio",
          ratio,
          {.min = 0, .max = 100, .open_min = true},
          "width / height of the part, smallest and largest");
  interpolation.bind(f);
}

Box RandomResizedCrop::part(Rng& rng, std::int64_t height, std::int64_t width) const {
  const auto h = static_cast<double>(height), w = static_cast<double>(width);
  for (int i = 0; i < kTries; ++i) {
    const double area = h * w * rng.uniform(scale[0], scale[1]);
    const double aspect = std::exp(rng.uniform(std::log(ratio[0]), std::log(ratio[1])));
    const std::int64_t box_w = round_even(std::sqrt(area * aspect));
    const std::int64_t box_h = round_even(std::sqrt(area / aspect));
    if (box_w < 1 || box_w > width || box_h < 1 || box_h > height) continue;
    const std::int64_t top = rng.below(height - box_h + 1);
    const std::int64_t left = rng.below(width - box_w + 1);
    return {top, left, box_h, box_w};
  }
  Box box{0, 0, height, width};
  if (w / h < ratio[0]) box.height = std::clamp(round_even(w / ratio[0]), std::int64_t{1}, height);
  if (w / h > ratio[1]) box.width = std::clamp(round_even(h * ratio[1]), std::int64_t{1}, width);
  box.top = (height - box.height) / 2;
  box.left = (width - box.width) / 2;
  return box;
}

void RandomResizedCrop::apply(Rng& rng, Canvas& canvas) const {
  const Box box = part(rng, canvas.source().whole_height, canvas.source().whole_width);
  canvas.crop(box, interpolation.filter());
}

bool RandomResizedCrop::plan(Rng& rng, ViewPlan& view) const {
  view.box = part(rng, view.image_height, view.image_width);
  view.filter = interpolation.filter();
  return true;
}

const config::ComponentSpec& view_spec_random_resized_crop() {
  static const config::ComponentSpec spec{"random_resized_crop",
                                          "a random part of the image, resized to a square",
                                          "torchvision 0.26 RandomResizedCrop",
                                          make_op<RandomResizedCrop>};
  return spec;
}

}  // namespace sslrun::views
