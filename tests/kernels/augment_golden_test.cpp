// The augmentation kernels on the Cpu against tests/golden/augment.json, which torchvision made.
#include "kernels/augment/color_jitter.h"
#include "kernels/augment/crop_resize.h"
#include "kernels/augment/gaussian_blur.h"
#include "kernels/augment/normalize.h"

#include "tests/support/catch.h"

#include <nlohmann/json.hpp>

#include <algorithm>
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

double max_error(const Floats& got, const json& want) {
  REQUIRE(got.size() == want.size());
  double worst = 0;
  for (std::size_t i = 0; i < got.size(); ++i) {
    const double error = std::abs(static_cast<double>(got[i]) - want[i].get<double>());
    if (!(error <= worst)) worst = error;  // a NaN stays
  }
  return worst;
}

Floats scratch(std::int64_t n) { return Floats(static_cast<std::size_t>(n), NAN); }

TEST_CASE("crop_resize: equals antialiased bilinear interpolation of the crop, mirrored on request", "[kernels][augment]") {
  const auto picture = golden()["source"]["pixels_hwc"].get<std::vector<std::uint8_t>>();
  double worst = 0;
  for (const json& c : golden()["crop_resize"]) {
    CAPTURE(c["left"], c["top"], c["width"], c["height"], c["out_width"], c["out_height"], c["flip"]);
    const std::int64_t out_h = c["out_height"], out_w = c["out_width"];
    Floats out = scratch(3 * out_h * out_w), room = scratch(crop_resize_scratch(c["width"], out_w));
    const CropResizeView view{picture.data(), 37, c["left"], c["top"], c["width"], c["height"], c["flip"], out.data()};
    crop_resize({&view, 1, out_h, out_w, room.data()}, Cpu{});
    const double error = max_error(out, c["pixels"]);
    CHECK(error < 4 * 2.4e-6);  // measured on x86-64-v4
    worst = std::max(worst, error);
  }
  INFO("largest error " << worst);
  CHECK(worst > 0);
}

JitterOp op_named(const std::string& name) {
  if (name == "brightness") return JitterOp::kBrightness;
  if (name == "contrast") return JitterOp::kContrast;
  return name == "hue" ? JitterOp::kHue : JitterOp::kSaturation;
}

TEST_CASE("color_jitter: equals torchvision's adjustments in the same order", "[kernels][augment]") {
  for (const json& c : golden()["color_jitter"]) {
    CAPTURE(c["steps"].dump(), c["grayscale"].dump());
    Floats pixels = golden()["color_input"]["pixels"];
    ColorJitterView view{pixels.data(), {}, c["grayscale"]};
    for (std::size_t s = 0; s < c["steps"].size(); ++s)
      view.steps[s] = {op_named(c["steps"][s][0]), c["steps"][s][1]};
    color_jitter({&view, 1, 12 * 16}, Cpu{});
    CHECK(max_error(pixels, c["pixels"]) < 4 * 2.4e-6);
  }
}

TEST_CASE("gaussian_blur: equals torchvision's separable blur with a reflected border", "[kernels][augment]") {
  for (const json& c : golden()["gaussian_blur"]) {
    CAPTURE(c["radius"], c["sigma"]);
    Floats pixels = golden()["blur_input"]["pixels"];
    Floats room = scratch(gaussian_blur_scratch(13, 17, c["radius"], Cpu{}));
    const GaussianBlurView view{pixels.data(), c["sigma"]};
    gaussian_blur({&view, 1, 13, 17, c["radius"], room.data()}, Cpu{});
    CHECK(max_error(pixels, c["pixels"]) < 4 * 2.4e-7);
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
  CHECK(max_error(out, golden()["normalize"]["pixels_hwc"]) < 4 * 2.4e-7);
}

}  // namespace
}  // namespace sslrun::kernels
