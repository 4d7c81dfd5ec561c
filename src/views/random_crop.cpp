#include "config/fields.h"
#include "views/resize_image.h"
#include "views/view_op.h"

#include <algorithm>
#include <optional>

namespace sslrun::views {

namespace {

struct RandomCrop final : CropOp {
  std::int64_t size = 32;
  std::optional<std::int64_t> resize;
  std::int64_t padding = 0;
  Interpolation interpolation;

  void bind(config::Fields& f) override {
    f.integer("size", size, {.min = 1, .max = 4096}, "side of the view in pixels");
    f.integer_or_auto("resize",
                      resize,
                      {.min = 1, .max = 8192},
                      "what the image's short side becomes before the cut; auto: size");
    f.integer("padding",
              padding,
              {.min = 0, .max = 4096},
              "black pixels around the image that the cut may take in: 4 for CIFAR");
    interpolation.bind(f);
    f.check("resize",
            resize.value_or(size) >= size,
            "must be at least size",
            "resize to more, or cut less");
  }

  std::int64_t side() const override { return size; }

  void apply(Rng& rng, Canvas& canvas) const override {
    const Resized from =
        resize_short(canvas.source(), resize.value_or(size), interpolation.filter());
    const std::int64_t top = rng.below(from.height + 2 * padding - size + 1) - padding;
    const std::int64_t left = rng.below(from.width + 2 * padding - size + 1) - padding;
    const std::int64_t first = std::max<std::int64_t>(0, -left);
    const std::int64_t last = std::min(size, from.width - left);
    float* out = canvas.pixels();
    std::fill_n(out, canvas.shape().size(), 0.0f);
    for (std::int64_t row = 0; row < canvas.shape().channels * size; ++row, out += size) {
      const std::int64_t c = row / size, y = top + row % size;
      if (y < 0 || y >= from.height || first >= last) continue;
      std::copy(from.pixels + (c * from.height + y) * from.width + left + first,
                from.pixels + (c * from.height + y) * from.width + left + last,
                out + first);
    }
  }
};

}  // namespace

const config::ComponentSpec& view_spec_random_crop() {
  static const config::ComponentSpec spec{
      "random_crop",
      "a random square of the image, its short side resized before, with black around it",
      "torchvision 0.26 Resize and RandomCrop(size, padding)",
      make_op<RandomCrop>};
  return spec;
}

}  // namespace sslrun::views
