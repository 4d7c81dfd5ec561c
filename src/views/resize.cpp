#include "config/fields.h"
#include "views/resize_image.h"
#include "views/view_op.h"
#include "views/view_plan.h"

namespace sslrun::views {

namespace {

struct Resize final : CropOp {
  std::int64_t size = 224;
  Interpolation interpolation;

  void bind(config::Fields& f) override {
    f.integer("size", size, {.min = 1, .max = 4096}, "side of the view in pixels");
    interpolation.bind(f);
  }

  std::int64_t side() const override { return size; }

  void apply(Rng&, Canvas& canvas) const override {
    canvas.crop({0, 0, canvas.source().height, canvas.source().width}, interpolation.filter());
  }

  bool plan(Rng&, ViewPlan& view) const override {
    view.box = {0, 0, view.image_height, view.image_width};
    view.filter = interpolation.filter();
    return true;
  }
};

}  // namespace

const config::ComponentSpec& view_spec_resize() {
  static const config::ComponentSpec spec{"resize",
                                          "the whole image, squeezed into a square",
                                          "torchvision 0.26 Resize((size, size))",
                                          make_op<Resize>};
  return spec;
}

}  // namespace sslrun::views
