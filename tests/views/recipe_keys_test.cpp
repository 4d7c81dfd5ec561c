#include "config/document.h"
#include "tests/support/catch.h"
#include "tests/views/support.h"
#include "views/view_ops.h"

#include <string>
#include <vector>

namespace sslrun::views {

namespace {

std::vector<config::NamedComponent> read_ops(const std::string& yaml) {
  std::vector<config::NamedComponent> ops;
  const config::Body body = [&](config::Fields& f) {
    f.components("ops", ops, view_specs(), "operations");
  };
  config::read(config::parse_document("test.yaml", yaml), body);
  return ops;
}

template <class Op>
const Op& only(const std::vector<config::NamedComponent>& ops) {
  REQUIRE(ops.size() == 1);
  return dynamic_cast<const Op&>(*ops[0].config);
}

// What the reader says of a text, or "" where it takes it.
std::string mistake(const std::string& yaml) {
  try {
    read_ops(yaml);
  } catch (const config::ConfigError& e) {
    return e.what();
  }
  return "";
}

}  // namespace

TEST_CASE("view keys: the documented recipe is read as it is written", "[views]") {
  const auto ops = read_ops(
      "ops:\n"
      "  - random_resized_crop: {size: 96, scale: [0.2, 0.9]}\n"
      "  - horizontal_flip: {p: 0.25}\n"
      "  - color_jitter: {p: 0.7, brightness: 0.1, contrast: 0.2, saturation: 0.3, hue: 0.4}\n"
      "  - grayscale: 0.1\n"
      "  - gaussian_blur: {p: 1, sigma: [0.5, 1.5], kernel_size: 7}\n"
      "  - normalize: cifar10\n");
  REQUIRE(ops.size() == 6);
  CHECK(ops_problem(ops).empty());
  const auto& crop = dynamic_cast<const RandomResizedCrop&>(*ops[0].config);
  CHECK(crop.size == 96);
  CHECK(crop.scale == std::array<double, 2>{0.2, 0.9});
  CHECK(dynamic_cast<const HorizontalFlip&>(*ops[1].config).p == 0.25);
  const auto& jitter = dynamic_cast<const ColorJitter&>(*ops[2].config);
  CHECK(jitter.p == 0.7);
  CHECK(jitter.brightness == 0.1);
  CHECK(jitter.contrast == 0.2);
  CHECK(jitter.saturation == 0.3);
  CHECK(jitter.hue == 0.4);
  CHECK(dynamic_cast<const Grayscale&>(*ops[3].config).p == 0.1);
  const auto& blur = dynamic_cast<const GaussianBlur&>(*ops[4].config);
  CHECK(blur.sigma == std::array<double, 2>{0.5, 1.5});
  CHECK(blur.taps(224) == 7);
  CHECK(dynamic_cast<const Normalize&>(*ops[5].config).stats().mean[0] == 0.4914f);
}

TEST_CASE("view keys: normalize takes statistics of the user's own", "[views]") {
  const auto ops = read_ops("ops: [normalize: {mean: [0.1, 0.2, 0.3], std: [0.4, 0.5, 0.6]}]\n");
  const ChannelStats stats = only<Normalize>(ops).stats();
  CHECK(stats.mean == std::vector<float>{0.1f, 0.2f, 0.3f});
  CHECK(stats.std == std::vector<float>{0.4f, 0.5f, 0.6f});
}

TEST_CASE("view keys: what an operation cannot do is refused", "[views]") {
  const std::string bad = GENERATE(as<std::string>(),
                                   "normalize: {std: [0.5, 0.5, 0]}",
                                   "normalize: mnist",
                                   "gaussian_blur: {kernel_size: 4}",
                                   "gaussian_blur: {kernel_size: 131}",
                                   "gaussian_blur: {sigma: [0, 1]}",
                                   "color_jitter: {hue: 0.6}",
                                   "color_jitter: {brightness: -1}",
                                   "horizontal_flip: {p: 1.1}",
                                   "random_resized_crop: {scale: [0.5, 1.5]}",
                                   "random_resized_crop: {scale: [0.5, 0.1]}",
                                   "random_resized_crop: {size: 0}",
                                   "solarize: {threshold: 1.5}",
                                   "center_crop: {size: 224, resize: 200}",
                                   "resize: {interpolation: lanczos}",
                                   "posterize: {bits: 0}",
                                   "affine: {scale: [0, 1]}",
                                   "random_erasing: {fill: blue}",
                                   "elastic: {sigma: 17}",
                                   "clahe: {tiles: 0}",
                                   "vignette: 0.2");
  CAPTURE(bad);
  CHECK_FALSE(mistake("ops: [" + bad + "]\n").empty());
}

}  // namespace sslrun::views
