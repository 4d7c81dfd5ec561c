// The augmentation kernels on the Cpu against tests/golden/augment.json, which torchvision made.
// Tolerances are four times the largest error measured with x86-64-v4 (FMA) and with baseline
// x86-64 code: 1.1e-6 color_jitter, 2.1e-7 gaussian_blur, 4.2e-7 normalize
// (whose values reach 2.6).
#include "kernels/augment/color_jitter.h"
#include "kernels/augment/gaussian_blur.h"
#include "kernels/augment/normalize.h"
#include "tests/support/catch.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <fstream>
#include <string>
#include <vector>

namespace sslrun::kernels {
namespace {

using nlohmann::json;
using Floats = std::vector<float>;

const json& golden() {
  static const json file = [] {
    std::ifstream stream(SSLRUN_TEST_DIR "/golden/augment.json");
    return json::parse(stream);
  }();
  return file;
}

template <class Want>  // json or std::vector<double>
double max_error(const Floats& got, const Want& want) {
  REQUIRE(got.size() == want.size());
  double worst = 0;
  for (std::size_t i = 0; i < got.size(); ++i) {
    const double error = std::abs(static_cast<double>(got[i]) - static_cast<double>(want[i]));
    if (!(error <= worst)) worst = error;  // a NaN stays
  }
  return worst;
}

Floats scratch(std::int64_t n) {
  return Floats(static_cast<std::size_t>(n), NAN);
}

JitterOp op_named(const std::string& name) {
  if (name == "brightness") return JitterOp::kBrightness;
  if (name == "contrast") return JitterOp::kContrast;
  return name == "hue" ? JitterOp::kHue : JitterOp::kSaturation;
}

TEST_CASE("color_jitter: equals torchvision's adjustments in the same order",
          "[kernels][augment]") {
  for (const json& c : golden()["color_jitter"]) {
    CAPTURE(c["steps"].dump(), c["grayscale"].dump());
    Floats pixels = golden()["color_input"]["pixels"];
    ColorJitterView view{pixels.data(), {}, c["grayscale"]};
    for (std::size_t s = 0; s < c["steps"].size(); ++s)
      view.steps[s] = {op_named(c["steps"][s][0]), c["steps"][s][1]};
    color_jitter({&view, 1, 12 * 16}, Cpu{});
    CHECK(max_error(pixels, c["pixels"]) < 4 * 1.1e-6);  // torchvision itself is in float32 here
  }
}

TEST_CASE(
    "color_jitter: a second contrast step uses the mean after the first; chunks share one mean",
    "[kernels][augment]") {
  const std::int64_t n = 2 * kGrayLanes + 77;
  Floats pixels(static_cast<std::size_t>(3 * n));
  for (std::size_t i = 0; i < pixels.size(); ++i)
    pixels[i] = .3f + .4f * static_cast<float>(i * 37 % 101) / 101.f;
  std::vector<double> want(pixels.begin(), pixels.end());
  const auto at = [&](std::int64_t c, std::int64_t i) -> double& {
    return want[static_cast<std::size_t>(c * n + i)];
  };
  const std::array<float, 2> factors{.5f, 1.5f};
  for (const double f : factors) {  // the definition, in float64; nothing reaches the clamp
    double mean = 0;
    for (std::int64_t i = 0; i < n; ++i)
      mean += (.2989 * at(0, i) + .587 * at(1, i) + .114 * at(2, i)) / n;
    for (double& x : want) x = f * x + (1 - f) * mean;
  }
  ColorJitterView view{pixels.data(), {}, false};
  view.steps[1] = {JitterOp::kContrast, factors[0]};
  view.steps[3] = {JitterOp::kContrast, factors[1]};
  color_jitter({&view, 1, n}, Cpu{});
  CHECK(max_error(pixels, want) < 4 * 6.1e-8);  // measured 6.1e-8
}

TEST_CASE(
    "gaussian_blur: a picture smaller than the radius keeps a constant; no sigma changes nothing",
    "[kernels][augment]") {
  Floats pixels(3 * 2 * 1, .25f), room = scratch(gaussian_blur_scratch(2, 1, 11, Cpu{}));
  GaussianBlurView view{pixels.data(), 2.f};
  gaussian_blur({&view, 1, 2, 1, 11, room.data()}, Cpu{});
  for (const float x : pixels) CHECK(x == Approx(.25f).epsilon(4 * 6.1e-8));  // measured 6.1e-8
  view.sigma = 0.f;
  const Floats before = pixels;
  gaussian_blur({&view, 1, 2, 1, 11, room.data()}, Cpu{});
  CHECK(pixels == before);
}

TEST_CASE("gaussian_blur: equals torchvision's separable blur with a reflected border",
          "[kernels][augment]") {
  for (const json& c : golden()["gaussian_blur"]) {
    CAPTURE(c["radius"], c["sigma"]);
    Floats pixels = golden()["blur_input"]["pixels"];
    Floats room = scratch(gaussian_blur_scratch(13, 17, c["radius"], Cpu{}));
    const GaussianBlurView view{pixels.data(), c["sigma"]};
    gaussian_blur({&view, 1, 13, 17, c["radius"], room.data()}, Cpu{});
    CHECK(max_error(pixels, c["pixels"]) < 4 * 2.1e-7);
  }
}

TEST_CASE("normalize: equals torchvision's normalize, interleaved", "[kernels][augment]") {
  const Floats pixels = golden()["color_input"]["pixels"];
  Floats out(pixels.size());
  const NormalizeView view{pixels.data(), out.data()};
  NormalizeArgs args{&view, 1, 12 * 16, {}, {}};
  const Floats mean = golden()["normalize"]["mean"], std = golden()["normalize"]["std"];
  std::copy(mean.begin(), mean.end(), args.mean);
  std::copy(std.begin(), std.end(), args.std);
  normalize(args, Cpu{});
  CHECK(max_error(out, golden()["normalize"]["pixels_hwc"]) < 4 * 4.2e-7);
}

TEST_CASE("normalize: any number of channels", "[kernels][augment]") {
  const Floats pixels{.1f, .2f, .3f, .4f, .5f, .6f, .7f, .8f};  // four channels of two pixels
  Floats out(8);
  const NormalizeView view{pixels.data(), out.data()};
  NormalizeArgs args{&view, 1, 2, {.1f, .2f, .3f, .4f}, {1.f, 2.f, 4.f, .5f}, 4};
  normalize(args, Cpu{});
  const std::vector<double> want{0, .05, .05, .6, .1, .1, .075, .8};
  CHECK(max_error(out, want) < 4 * 6.0e-8);
}

}  // namespace
}  // namespace sslrun::kernels
