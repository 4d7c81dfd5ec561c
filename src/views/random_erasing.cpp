#include "config/fields.h"
#include "views/view_op.h"

#include <array>
#include <cmath>
#include <string>
#include <string_view>

namespace sslrun::views {

namespace {

constexpr int kTries = 10;
constexpr std::array<std::string_view, 4> kFills{"gray", "black", "white", "noise"};

struct RandomErasing final : ViewOp {
  double p = 0.5;
  std::array<double, 2> scale{0.02, 0.33};
  std::array<double, 2> ratio{0.3, 3.3};
  std::string fill = "gray";

  void bind(config::Fields& f) override {
    f.real("p", p, {.min = 0, .max = 1}, "probability to erase");
    f.range("scale",
            scale,
            {.min = 0, .max = 1, .open_min = true},
            "part of the view's area to erase, smallest and largest");
    f.range("ratio",
            ratio,
            {.min = 0, .max = 100, .open_min = true},
            "height / width of the rectangle, smallest and largest");
    f.choice("fill", fill, kFills, "what takes its place; noise is uniform in [0, 1]");
  }

  void apply(Rng& rng, Canvas& canvas) const override {
    if (!(rng.uniform() < p)) return;
    const auto [height, width, channels] = canvas.shape();
    const auto area = static_cast<double>(height * width);
    for (int i = 0; i < kTries; ++i) {
      const double part = area * rng.uniform(scale[0], scale[1]);
      const double aspect = std::exp(rng.uniform(std::log(ratio[0]), std::log(ratio[1])));
      const std::int64_t h = std::llround(std::sqrt(part * aspect));
      const std::int64_t w = std::llround(std::sqrt(part / aspect));
      if (h < 1 || w < 1 || h >= height || w >= width) continue;
      const std::int64_t top = rng.below(height - h + 1), left = rng.below(width - w + 1);
      for (std::int64_t row = 0; row < channels * h; ++row) {
        const std::int64_t y = row / h * height + top + row % h;
        fill_line(rng, canvas.pixels() + y * width + left, w);
      }
      return;
    }
  }

  void fill_line(Rng& rng, float* line, std::int64_t n) const {
    const float value = fill == "white" ? 1.0f : fill == "gray" ? 0.5f : 0.0f;
    for (float* x = line; x != line + n; ++x)
      *x = fill == "noise" ? static_cast<float>(rng.uniform()) : value;
  }
};

}  // namespace

const config::ComponentSpec& view_spec_random_erasing() {
  static const config::ComponentSpec spec{"random_erasing",
                                          "fills a random rectangle",
                                          "torchvision 0.26 RandomErasing; arXiv:1708.04896",
                                          make_op<RandomErasing>};
  return spec;
}

}  // namespace sslrun::views
