#include "config/fields.h"
#include "views/resize_image.h"
#include "views/view_op.h"

namespace sslrun::views {

namespace {

struct CenterCrop final : CropOp {
  std::int64_t size = 224;
  std::int64_t resize = 256;
  Interpolation interpolation;

  void bind(config::Fields& f) override {
    f.integer("size", size, {.min = 1, .max = 4096}, "side of the view in pixels");
    f.integer("resize",
              resize,
              {.min = 1, .max = 8192},
              "what the image's short side becomes before the cut");
    interpolation.bind(f);
    f.check("resize", resize >= size, "must be at least size", "resize to more, or cut less");
  }

  std::int64_t side() const override { return size; }

  void apply(Rng&, Canvas& canvas) const override {
    resize_centre(canvas.source(), resize, size, interpolation.filter(), canvas.pixels());
  }
};

}  // namespace

const config::ComponentSpec& view_spec_center_crop() {
  static const config::ComponentSpec spec{"center_crop",
                                          "the middle of the image, its short side resized before",
                                          "torchvision 0.26 Resize and CenterCrop",
                                          make_op<CenterCrop>};
  return spec;
}

}  // namespace sslrun::views
