#include "config/fields.h"
#include "views/view_op.h"

#include <algorithm>
#include <array>

namespace sslrun::views {

namespace {

// The mean of 3 x 3 pixels in which the middle one counts five times. The border stays as it is.
float smoothed(const float* at, std::int64_t width) {
  float sum = 4.0f * *at;
  for (const float* row : {at - width, at, at + width}) sum += row[-1] + row[0] + row[1];
  return sum / 13.0f;
}

struct Sharpness final : ViewOp {
  double p = 0.5;
  std::array<double, 2> factor{0.5, 2.0};

  void bind(config::Fields& f) override {
    f.real("p", p, {.min = 0, .max = 1}, "probability to change the sharpness");
    f.range("factor",
            factor,
            {.min = 0, .max = 100},
            "what the difference from the smoothed view is multiplied by: 0 smooth, 1 as it is");
  }

  void apply(Rng& rng, Canvas& canvas) const override {
    if (!(rng.uniform() < p)) return;
    const auto by = static_cast<float>(rng.uniform(factor[0], factor[1]));
    const auto [height, width, channels] = canvas.shape();
    float* before = canvas.scratch(height * width);
    for (std::int64_t c = 0; c < channels; ++c) {
      float* plane = canvas.pixels() + c * height * width;
      std::copy_n(plane, height * width, before);
      for (std::int64_t y = 1; y + 1 < height; ++y)
        for (std::int64_t x = 1; x + 1 < width; ++x) {
          const float soft = smoothed(before + y * width + x, width);
          const float value = by * before[y * width + x] + (1.0f - by) * soft;
          plane[y * width + x] = std::clamp(value, 0.0f, 1.0f);
        }
    }
  }
};

}  // namespace

const config::ComponentSpec& view_spec_sharpness() {
  static const config::ComponentSpec spec{
      "sharpness", "sharpens or softens", "torchvision 0.26 adjust_sharpness", make_op<Sharpness>};
  return spec;
}

}  // namespace sslrun::views
