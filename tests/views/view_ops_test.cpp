#include "views/view_ops.h"

#include "tests/support/catch.h"
#include "tests/views/support.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <set>
#include <string>

namespace sslrun::views {

namespace {

Rng stream(std::uint32_t sample) {
  return {7, Purpose::kView, 0, sample, 0};
}

}  // namespace

TEST_CASE("view_ops: every registered operation makes a ViewOp and says what it is", "[views]") {
  std::set<std::string> names;
  for (const config::ComponentSpec* spec : view_specs()) {
    CAPTURE(spec->name);
    const std::unique_ptr<config::Component> made = spec->make();
    CHECK(dynamic_cast<const ViewOp*>(made.get()) != nullptr);
    CHECK_FALSE(spec->summary.empty());
    CHECK_FALSE(spec->source.empty());
    names.emplace(spec->name);
  }
  CHECK(names.size() == view_specs().size());  // no name twice
}

TEST_CASE("random_resized_crop: a box lies inside the image and keeps to area and ratio",
          "[views]") {
  const RandomResizedCrop crop;
  const std::int64_t height = 375, width = 500;
  double mean_area = 0;
  const int n = 4000;
  std::int64_t at_top = 0, at_bottom = 0;
  for (int i = 0; i < n; ++i) {
    Rng rng = stream(static_cast<std::uint32_t>(i));
    const Box box = crop.part(rng, height, width);
    REQUIRE(box.top >= 0);
    REQUIRE(box.left >= 0);
    REQUIRE(box.top + box.height <= height);
    REQUIRE(box.left + box.width <= width);
    const double area = double(box.height * box.width) / double(height * width);
    const double aspect = double(box.width) / double(box.height);
    // Sides are rounded by at most half a pixel of at least 105: sqrt(.08 * 375 * 500 * 3 / 4).
    REQUIRE(area > 0.08 * 0.99);
    REQUIRE(area <= 1.0);
    REQUIRE(aspect > 0.75 * 0.99);
    REQUIRE(aspect < 4.0 / 3.0 * 1.01);
    mean_area += area / n;
    at_top += box.height < height && box.top == 0;
    at_bottom += box.height < height && box.top + box.height == height;
  }
  // Uniform areas would give .54; boxes that stick out are drawn again, which favours smaller ones.
  CHECK(mean_area > 0.40);
  CHECK(mean_area < 0.54);
  CHECK(at_top > 0);  // offsets reach both ends
  CHECK(at_bottom > 0);
}

TEST_CASE("random_resized_crop: without a fitting box the centre nearest to the ratios is kept",
          "[views]") {
  RandomResizedCrop crop;
  crop.scale = {1.0, 1.0};  // no box of the whole area fits an image of 10:1
  Rng rng = stream(0);
  const Box wide = crop.part(rng, 30, 300);
  CHECK(wide.height == 30);
  CHECK(wide.width == 40);
  CHECK(wide.left == 130);
  const Box tall = crop.part(rng, 300, 30);
  CHECK(tall.width == 30);
  CHECK(tall.height == 40);
  CHECK(tall.top == 130);
  const Box one = RandomResizedCrop().part(rng, 1, 1);
  CHECK(one.height == 1);
  CHECK(one.width == 1);
}

TEST_CASE("horizontal_flip: p is the share of mirrored views", "[views]") {
  const double p = GENERATE(0.0, 0.2, 0.5, 1.0);
  HorizontalFlip flip;
  flip.p = p;
  const int n = 10000;
  int flipped = 0;
  for (int i = 0; i < n; ++i) {
    Rng rng = stream(static_cast<std::uint32_t>(i));
    flipped += flip.sample(rng);
  }
  // Four standard deviations of a binomial; none at p = 0 and p = 1.
  CHECK(std::abs(flipped - n * p) <= 4 * std::sqrt(n * p * (1 - p)));
}

TEST_CASE("horizontal_flip: columns change places, rows and channels do not", "[views]") {
  HorizontalFlip flip;
  flip.p = 1;
  const std::int64_t width = GENERATE(1, 2, 5);
  std::vector<float> pixels, want;
  for (int row = 0; row < 3 * 2; ++row) {
    for (std::int64_t x = 0; x < width; ++x) {
      pixels.push_back(static_cast<float>(100 * row + x));
      want.push_back(static_cast<float>(100 * row + (width - 1 - x)));
    }
  }
  const image::Image source = noise_image(1, 1, 0);
  CanvasMemory memory{.pixels = pixels};
  Canvas canvas(source, {2, width, 3}, nullptr, memory);
  Rng rng = stream(0);
  flip.apply(rng, canvas);
  CHECK(memory.pixels == want);
}

TEST_CASE("color_jitter: factors fill their ranges and all 24 orders occur", "[views]") {
  ColorJitter jitter;
  jitter.brightness = 0.4;
  jitter.contrast = 1.5;  // the lower bound is cut at 0
  jitter.saturation = 0.2;
  jitter.hue = 0.1;
  std::map<std::array<int, 4>, int> orders;
  const int n = 12000;
  int applied = 0;
  double low = 9, high = -9, low_contrast = 9, high_contrast = -9;
  for (int i = 0; i < n; ++i) {
    Rng rng = stream(static_cast<std::uint32_t>(i));
    const auto draw = jitter.sample(rng);
    if (!draw) continue;
    ++applied;
    ++orders[draw->order];
    REQUIRE(std::abs(draw->brightness - 1) <= 0.4);
    REQUIRE(draw->contrast >= 0);
    REQUIRE(draw->contrast <= 2.5);
    REQUIRE(std::abs(draw->saturation - 1) <= 0.2 + 1e-12);
    REQUIRE(std::abs(draw->hue) <= 0.1);
    low = std::min(low, draw->hue);
    high = std::max(high, draw->hue);
    low_contrast = std::min(low_contrast, draw->contrast);
    high_contrast = std::max(high_contrast, draw->contrast);
  }
  CHECK(std::abs(applied - n * 0.8) <= 4 * std::sqrt(n * 0.8 * 0.2));
  CHECK(low < -0.099);
  CHECK(high > 0.099);
  CHECK(low_contrast < 0.01);
  CHECK(high_contrast > 2.49);
  CHECK(orders.size() == 24);
  const double expected = applied / 24.0;
  for (const auto& [order, count] : orders)
    CHECK(std::abs(count - expected) <= 5 * std::sqrt(expected));
}

TEST_CASE("gaussian_blur: sigma fills its range with probability p and taps follow the size",
          "[views]") {
  const GaussianBlur blur;
  const int n = 10000;
  int applied = 0;
  double sum = 0;
  for (int i = 0; i < n; ++i) {
    Rng rng = stream(static_cast<std::uint32_t>(i));
    const auto sigma = blur.sample(rng);
    if (!sigma) continue;
    ++applied;
    sum += *sigma;
    REQUIRE(*sigma >= 0.1);
    REQUIRE(*sigma <= 2.0);
  }
  CHECK(std::abs(applied - n * 0.5) <= 4 * std::sqrt(n * 0.25));
  CHECK(sum / applied == Approx(1.05).margin(4 * 1.9 / std::sqrt(12.0 * applied)));
  CHECK(blur.taps(224) == 23);
  CHECK(blur.taps(96) == 9);
  CHECK(blur.taps(32) == 3);
  CHECK(blur.taps(8) == 1);
}

TEST_CASE("grayscale: the three channels become the luma", "[views]") {
  Grayscale gray;
  gray.p = 1;
  std::vector<float> pixels{
      1, 0, 0, 0.25f, 0, 1, 0, 0.5f, 0, 0, 1, 0.75f};  // red, green, blue, a mixture
  const image::Image source = noise_image(1, 1, 0);
  CanvasMemory memory{.pixels = pixels};
  Canvas canvas(source, {2, 2, 3}, nullptr, memory);
  Rng rng = stream(0);
  gray.apply(rng, canvas);
  const float* made = canvas.pixels();
  const std::array<double, 4> want{
      0.2989, 0.587, 0.114, 0.2989 * 0.25 + 0.587 * 0.5 + 0.114 * 0.75};
  for (std::size_t i = 0; i < 12; ++i) CHECK(made[i] == Approx(want[i % 4]).margin(1e-6));
}

TEST_CASE("normalize: given statistics win over the preset's", "[views]") {
  Normalize normalize;
  CHECK(normalize.stats().mean[0] == 0.485f);
  normalize.preset = "cifar10";
  CHECK(normalize.stats().std[2] == 0.2616f);
  normalize.mean = {0.1, 0.2, 0.3};
  CHECK(normalize.stats().mean == std::vector<float>{0.1f, 0.2f, 0.3f});
  CHECK(normalize.stats().std[0] == 0.2470f);
}

}  // namespace sslrun::views
