// The augmentation kernels on the Cpu against tests/golden/augment.json, which torchvision made.
// Tolerances are four times the largest error measured with x86-64-v4 (FMA) and with baseline
// x86-64 code: 1.1e-6 color_jitter, 2.1e-7 gaussian_blur, 4.2e-7 normalize
// (whose values reach 2.6).
#include "kernels/augment/color_jitter.h"
#include "kernels/augment/gaussian_blur.h"
#include "kernels/augment/normalize.h"
#include "kernels/augment/normalize_core.h"
#include "kernels/augment/unit_core.h"
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

ToneOp op_named(const std::string& name) {
  if (name == "brightness") return ToneOp::kBrightness;
  if (name == "contrast") return ToneOp::kContrast;
  return name == "hue" ? ToneOp::kHue : ToneOp::kSaturation;
}

TEST_CASE("color_jitter: equals torchvision's adjustments in the same order",
          "[kernels][augment]") {
  for (const json& c : golden()["color_jitter"]) {
    CAPTURE(c["steps"].dump(), c["grayscale"].dump());
    Floats pixels = golden()["color_input"]["pixels"];
    ColorJitterView view{.pixels = pixels.data()};
    if (c["grayscale"]) view.steps[5] = {ToneOp::kGrayscale};
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
  ColorJitterView view{.pixels = pixels.data()};
  view.steps[1] = {ToneOp::kContrast, factors[0]};
  view.steps[3] = {ToneOp::kContrast, factors[1]};
  color_jitter({&view, 1, n}, Cpu{});
  CHECK(max_error(pixels, want) < 4 * 6.1e-8);  // measured 6.1e-8
}

// The core, pixel by pixel, compiled for the plainest processor: whatever instruction set the kernel
// runs on, the bits are these.
TEST_CASE("color_jitter: from bytes to normalised pixels, the bits of the core",
          "[kernels][augment]") {
  const std::int64_t n = 2 * kGrayLanes + 77;
  std::vector<std::uint8_t> bytes(static_cast<std::size_t>(3 * n));
  for (std::size_t i = 0; i < bytes.size(); ++i)
    bytes[i] = static_cast<std::uint8_t>(i * 2654435761u >> 13);
  ColorJitterView view{.pixels = nullptr};
  view.steps[0] = {ToneOp::kBrightness, 1.4f};
  view.steps[1] = {ToneOp::kHue, -.17f};
  view.steps[3] = {ToneOp::kSaturation, 1.6f};
  if (GENERATE(false, true)) view.steps[4] = {ToneOp::kGrayscale};
  view.steps[6] = {ToneOp::kSolarize, .5f};
  if (GENERATE(false, true)) view.steps[7] = {ToneOp::kContrast, .7f};
  const float mean[3] = {.485f, .456f, .406f}, std[3] = {.229f, .224f, .225f};
  const auto at = [&](std::int64_t i) {
    const auto unit = [&](std::int64_t c) {
      return byte_to_unit(bytes[static_cast<std::size_t>(c * n + i)]);
    };
    Rgb p{unit(0), unit(1), unit(2)};
    for (int s = 0; s < 7; ++s) p = tone(p, view.steps[s], 0.f);
    return p;
  };
  std::vector<float> lanes(kGrayLanes, 0.f);
  for (std::int64_t i = 0; i < n; ++i)
    lanes[static_cast<std::size_t>(i % kGrayLanes)] += gray(at(i));
  for (std::size_t step = kGrayLanes / 2; step > 0; step /= 2)
    for (std::size_t j = 0; j < step; ++j) lanes[j] += lanes[j + step];
  Floats want;
  for (std::int64_t i = 0; i < n; ++i) {
    const Rgb p = tone(at(i), view.steps[7], lanes[0] / static_cast<float>(n));
    want.push_back(normalized(p.r, mean[0], inverse_std(std[0])));
    want.push_back(normalized(p.g, mean[1], inverse_std(std[1])));
    want.push_back(normalized(p.b, mean[2], inverse_std(std[2])));
  }
  Floats pixels = scratch(3 * n), out = scratch(3 * n + 1);
  const std::size_t shift = GENERATE(0, 1);  // from an address that no vector divides, too
  view.pixels = pixels.data();
  view.bytes = bytes.data();
  view.out = out.data() + shift;
  ColorJitterArgs args{&view, 1, n};
  std::copy_n(mean, 3, args.mean);
  std::copy_n(std, 3, args.std);
  color_jitter(args, Cpu{});
  CHECK(Floats(view.out, view.out + 3 * n) == want);
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
