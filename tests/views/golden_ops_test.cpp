// View operations against tests/golden/augment.json, which torchvision and OpenCV made. Tolerances
// are four times the largest error measured: 1.5e-7 colour, affine and CLAHE, 8.7e-7 perspective,
// whose system of equations torchvision solves in float32. Crops are bytes, and equal.
#include "tests/support/catch.h"
#include "tests/views/support.h"
#include "views/warp.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <string>
#include <vector>

namespace sslrun::views {

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

// The golden input, changed in place by `change`.
template <class Change>
Floats changed(Change&& change) {
  const json& input = golden()["op_input"];
  CanvasMemory memory;
  for (const int byte : input["pixels"]) memory.pixels.push_back(static_cast<float>(byte) / 255.0f);
  const image::Image none;
  Canvas canvas(none, {input["height"], input["width"], 3}, nullptr, memory);
  change(canvas);
  canvas.pixels();
  return memory.pixels;
}

}  // namespace

TEST_CASE("view ops: colour and geometry equal the reference libraries", "[views]") {
  for (const json& c : golden()["ops"]) {
    const std::string text = c["op"];
    const Floats got = changed([&](Canvas& canvas) {
      Rng rng(0, Purpose::kView, 0, 0, 0);
      read_op(text)->apply(rng, canvas);
    });
    const double worst = max_error(got, c["pixels"]);
    CAPTURE(text, worst);
    CHECK(worst < 4 * 1.5e-7);
  }
}

TEST_CASE("warp_affine: equals torchvision's affine, shifts included", "[views]") {
  for (const json& c : golden()["affine"]) {
    const AffineMap map{c["degrees"], c["shift_x"], c["shift_y"], c["zoom"], c["slant"]};
    const Floats got = changed([&](Canvas& canvas) { warp_affine(canvas, map, c["fill"]); });
    const double worst = max_error(got, c["pixels"]);
    CAPTURE(c["degrees"], worst);
    CHECK(worst < 4 * 1.5e-7);
  }
}

TEST_CASE("warp_perspective: equals torchvision's perspective", "[views]") {
  for (const json& c : golden()["perspective"]) {
    std::array<Point, 4> corners{};
    for (std::size_t i = 0; i < 4; ++i) corners[i] = {c["corners"][i][1], c["corners"][i][0]};
    const Floats got =
        changed([&](Canvas& canvas) { warp_perspective(canvas, corners, c["fill"]); });
    const double worst = max_error(got, c["pixels"]);
    CAPTURE(c["corners"].dump(), worst);
    CHECK(worst < 4 * 8.7e-7);
  }
}

TEST_CASE("crops: center_crop and resize equal torchvision's on Pillow's images", "[views]") {
  image::Image image;
  image.reshape(37, 29, 3);
  image.pixels = golden()["source"]["pixels_hwc"].get<std::vector<std::uint8_t>>();
  for (const json& c : golden()["crop_ops"]) {
    const auto op = std::dynamic_pointer_cast<const CropOp>(read_op(c["op"]));
    REQUIRE(op);
    CanvasMemory memory;
    Canvas canvas(image, {op->side(), op->side(), 3}, nullptr, memory);
    Rng rng(0, Purpose::kView, 0, 0, 0);
    op->apply(rng, canvas);
    Floats want;
    for (const int byte : c["bytes"]) want.push_back(static_cast<float>(byte) / 255.0f);
    CAPTURE(c["op"]);
    canvas.pixels();
    CHECK(memory.pixels == want);
  }
}

}  // namespace sslrun::views
