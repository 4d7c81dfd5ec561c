// What chance decides in the view operations: each outcome as often as it says, nothing out of range.
#include "base/philox.h"
#include "tests/support/catch.h"
#include "tests/views/support.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <string>
#include <vector>

namespace sslrun::views {

namespace {

using Floats = std::vector<float>;

// The operation with this draw's random numbers on a copy of the pixels [channels, side, side].
Floats apply(const ViewOp& op,
             const Floats& pixels,
             std::int64_t side,
             std::uint32_t draw,
             std::int64_t channels = 3) {
  const image::Image none;
  CanvasMemory memory{.pixels = pixels};
  Canvas canvas(none, {side, side, channels}, nullptr, memory);
  Rng rng(11, Purpose::kView, 0, draw, 0);
  op.apply(rng, canvas);
  canvas.pixels();
  return memory.pixels;
}

Floats noise(std::int64_t n) {
  Rng rng(3, Purpose::kProbe, 0, 0, 0);
  Floats out(static_cast<std::size_t>(n));
  for (float& x : out) x = static_cast<float>(rng.uniform());
  return out;
}

Floats plane_of(std::int64_t n, std::int64_t side, auto&& value) {
  Floats out(static_cast<std::size_t>(n * side * side));
  for (std::size_t i = 0; i < out.size(); ++i) {
    const auto k = static_cast<std::int64_t>(i) % (side * side);
    out[i] = static_cast<float>(value(k / side, k % side));
  }
  return out;
}

}  // namespace

TEST_CASE("view ops: values stay in [0, 1], p 0 changes nothing, the same draw is the same view",
          "[views]") {
  const std::int64_t side = 33;
  const Floats pixels = noise(3 * side * side);
  for (const config::ComponentSpec* spec : view_specs()) {
    if (spec->name == "normalize") continue;
    const std::string name(spec->name);
    const auto made = config::make_component(view_specs(), spec->name);
    if (dynamic_cast<const CropOp*>(made.config.get()) != nullptr) continue;
    if (dynamic_cast<const TaskOp*>(made.config.get()) != nullptr) continue;  // tasks_test.cpp
    CAPTURE(name);
    const auto op = read_op(name + ": {p: 1}");
    int changed = 0;
    for (std::uint32_t draw = 0; draw < 20; ++draw) {
      const Floats out = apply(*op, pixels, side, draw);
      const auto [low, high] = std::minmax_element(out.begin(), out.end());
      REQUIRE(*low >= 0.0f);
      // color_jitter's float sums of weights that add up to 1 exceed it by 1.2e-7 at most.
      REQUIRE(*high <= 1.0f + 1e-6f);
      REQUIRE(out == apply(*op, pixels, side, draw));
      changed += out != pixels;
    }
    CHECK(changed >= 10);
    CHECK(apply(*read_op(name + ": {p: 0}"), pixels, side, 1) == pixels);
  }
}

TEST_CASE("rotate90: the four turns, each in a quarter of the views", "[views]") {
  const std::int64_t n = 5;
  const Floats pixels = noise(3 * n * n);
  std::array<Floats, 4> want;
  want[0] = pixels;
  for (std::size_t t = 1; t < 4; ++t) {  // counter-clockwise: the right column becomes the top row
    want[t].resize(pixels.size());
    for (std::int64_t c = 0; c < 3; ++c)
      for (std::int64_t y = 0; y < n; ++y)
        for (std::int64_t x = 0; x < n; ++x)
          want[t][static_cast<std::size_t>(c * n * n + y * n + x)] =
              want[t - 1][static_cast<std::size_t>(c * n * n + x * n + n - 1 - y)];
  }
  const auto op = read_op("rotate90");
  std::array<int, 4> count{};
  for (std::uint32_t draw = 0; draw < 4000; ++draw) {
    const Floats got = apply(*op, pixels, n, draw);
    const auto found = std::find(want.begin(), want.end(), got);
    REQUIRE(found != want.end());
    ++count[static_cast<std::size_t>(found - want.begin())];
  }
  for (const int k : count) CHECK(std::abs(k - 1000) < 140);  // 5 standard deviations of 27.4
}

TEST_CASE("gaussian_noise: mean 0 and the standard deviation asked for", "[views]") {
  const std::int64_t side = 128;
  const Floats flat(static_cast<std::size_t>(3 * side * side), 0.5f);
  const Floats out = apply(*read_op("gaussian_noise: {p: 1, sigma: [0.05, 0.05]}"), flat, side, 0);
  double sum = 0, square = 0;
  for (const float x : out) sum += x - 0.5, square += (x - 0.5) * (x - 0.5);
  const auto n = static_cast<double>(out.size());
  CHECK(std::abs(sum / n) < 5 * 0.05 / std::sqrt(n));
  CHECK(std::abs(std::sqrt(square / n) - 0.05) < 5 * 0.05 / std::sqrt(2 * n));
}

TEST_CASE("elastic: a pixel moves by alpha / (2 sqrt(3 pi) sigma), and a ramp shows how far",
          "[views]") {
  const std::int64_t side = 128;
  const auto ramp = [](std::int64_t, std::int64_t x) {
    return static_cast<double>(x) / 256 + 0.25;
  };
  const Floats pixels = plane_of(3, side, ramp);
  const double alpha = 40, sigma = 4;
  const auto op = read_op("elastic: {p: 1, alpha: 40, sigma: 4}");
  double square = 0;
  std::int64_t n = 0;
  for (std::uint32_t draw = 0; draw < 30; ++draw) {
    const Floats out = apply(*op, pixels, side, draw);
    for (std::int64_t y = 16; y < side - 16; ++y)
      for (std::int64_t x = 16; x < side - 16; ++x, ++n) {
        const auto i = static_cast<std::size_t>(y * side + x);
        square += std::pow((out[i] - pixels[i]) * 256, 2);
      }
  }
  // Uniform in [-1, 1] has variance 1/3; a Gaussian's squared weights sum to 1 / (4 pi sigma^2).
  const double want = alpha / (2 * std::sqrt(3 * 3.141592653589793) * sigma);
  // About 30 * 96^2 / (4 pi sigma^2) = 1,375 independent moves: 5 standard deviations are 10 %.
  CHECK(std::sqrt(square / static_cast<double>(n)) == Approx(want).epsilon(0.1));
}

TEST_CASE("channel_drop: as many channels as it may, each as often, never all", "[views]") {
  const std::int64_t side = 2, channels = 5;
  const Floats ones(static_cast<std::size_t>(channels * side * side), 1.0f);
  const auto op = read_op("channel_drop: {p: 1, most: 9}");
  std::array<int, 5> dropped{};
  std::map<int, int> sizes;
  for (std::uint32_t draw = 0; draw < 4000; ++draw) {
    const Floats out = apply(*op, ones, side, draw, channels);
    int size = 0;
    for (std::size_t c = 0; c < 5; ++c) {
      const bool gone = out[c * 4] == 0.0f;
      size += gone;
      dropped[c] += gone;
    }
    ++sizes[size];
  }
  CHECK(sizes.size() == 4);  // 1 to 4
  for (const auto& [size, count] : sizes) {
    CHECK((size >= 1 && size <= 4));
    CHECK(std::abs(count - 1000) < 140);
  }
  for (const int k : dropped) CHECK(std::abs(k - 2000) < 160);  // 5 standard deviations of 31.6
}

TEST_CASE("color_jitter: on five channels each is as three equal ones", "[views]") {
  const std::int64_t side = 12, plane = side * side;
  const Floats pixels = noise(5 * plane);
  const auto op = read_op("color_jitter: {p: 1, saturation: 0, hue: 0}");
  for (std::uint32_t draw = 0; draw < 20; ++draw) {
    const Floats five = apply(*op, pixels, side, draw, 5);
    for (std::int64_t c = 0; c < 5; ++c) {
      Floats gray;
      for (int k = 0; k < 3; ++k)
        gray.insert(gray.end(), pixels.begin() + c * plane, pixels.begin() + (c + 1) * plane);
      const Floats want = apply(*op, gray, side, draw);
      for (std::int64_t i = 0; i < plane; ++i)  // the luma's weights add up to 0.9999
        REQUIRE(five[static_cast<std::size_t>(c * plane + i)] ==
                Approx(want[static_cast<std::size_t>(i)]).margin(2e-4));
    }
  }
}

TEST_CASE("channels: an operation without a meaning on them says so", "[views]") {
  const auto problem = [](const std::string& op, std::int64_t channels) {
    return read_op(op)->channels_problem(channels);
  };
  CHECK(problem("grayscale", 1) == "needs the 3 channels of RGB");
  CHECK(problem("grayscale", 3).empty());
  CHECK(problem("color_jitter", 5) == "needs the 3 channels of RGB, or saturation: 0 and hue: 0");
  CHECK(problem("color_jitter: {saturation: 0, hue: 0}", 5).empty());
  CHECK(problem("channel_drop", 1) == "needs 2 channels or more");
  CHECK(problem("normalize: {mean: [0.5], std: [0.2]}", 1).empty());
  CHECK(problem("normalize: {mean: [0.5]}", 3) ==
        "needs mean and std of 3 channels, got 1; `sslrun data stats` prints them");
  CHECK(problem("rotate", 7).empty());
}

TEST_CASE("random_erasing: one rectangle of the area and ratio asked for", "[views]") {
  const std::int64_t side = 100;
  const Floats ones(static_cast<std::size_t>(3 * side * side), 1.0f);
  const auto op = read_op("random_erasing: {p: 1, fill: black}");
  for (std::uint32_t draw = 0; draw < 200; ++draw) {
    const Floats out = apply(*op, ones, side, draw);
    std::int64_t top = side, bottom = -1, left = side, right = -1, area = 0;
    for (std::int64_t y = 0; y < side; ++y)
      for (std::int64_t x = 0; x < side; ++x) {
        const auto i = static_cast<std::size_t>(y * side + x);
        REQUIRE((out[i] == out[i + 10000] && out[i] == out[i + 20000]));
        if (out[i] != 0.0f) continue;
        ++area;
        top = std::min(top, y), bottom = std::max(bottom, y);
        left = std::min(left, x), right = std::max(right, x);
      }
    const std::int64_t height = bottom - top + 1, width = right - left + 1;
    REQUIRE(area == height * width);
    // Sides are rounded by half a pixel of at least 7: sqrt(0.02 * 10,000 * 0.3).
    CHECK(static_cast<double>(area) > 200 * 0.86);
    CHECK(static_cast<double>(area) < 3300 * 1.06);
    CHECK(static_cast<double>(height) / static_cast<double>(width) > 0.3 * 0.9);
    CHECK(static_cast<double>(height) / static_cast<double>(width) < 3.3 * 1.1);
  }
}

TEST_CASE("vertical_flip: row by row, twice is none", "[views]") {
  const std::int64_t side = 7;
  const Floats pixels = noise(3 * side * side);
  const auto op = read_op("vertical_flip: 1");
  const Floats once = apply(*op, pixels, side, 0);
  for (std::size_t i = 0; i < pixels.size(); ++i) {
    const std::size_t c = i / 49, y = i % 49 / 7, x = i % 7;
    REQUIRE(once[i] == pixels[c * 49 + (6 - y) * 7 + x]);
  }
  CHECK(apply(*op, once, side, 0) == pixels);
}

}  // namespace sslrun::views
