// Published recipes of many views of different sizes, written as a user would and made by the loader.
#include "config/document.h"
#include "config/reader.h"
#include "data/loader.h"
#include "data/sampler.h"
#include "tests/support/catch.h"
#include "tests/views/support.h"
#include "views/pipeline.h"
#include "views/view_work.h"

#include <array>
#include <string>
#include <vector>

namespace sslrun::views {

namespace {

// facebookresearch/dino main_dino.py DataAugmentationDINO, its global views by the --help's scale.
constexpr const char* kDino = R"(
groups:
  - views: 1
    ops:
      - random_resized_crop: {size: 224, scale: [0.4, 1.0], interpolation: bicubic}
      - horizontal_flip: 0.5
      - color_jitter: {p: 0.8, brightness: 0.4, contrast: 0.4, saturation: 0.2, hue: 0.1}
      - grayscale: 0.2
      - gaussian_blur: {p: 1.0, sigma: [0.1, 2.0]}
      - normalize: imagenet
  - views: 1
    ops:
      - random_resized_crop: {size: 224, scale: [0.4, 1.0], interpolation: bicubic}
      - horizontal_flip: 0.5
      - color_jitter: {p: 0.8, brightness: 0.4, contrast: 0.4, saturation: 0.2, hue: 0.1}
      - grayscale: 0.2
      - gaussian_blur: {p: 0.1, sigma: [0.1, 2.0]}
      - solarize: 0.2
      - normalize: imagenet
  - views: 8
    ops:
      - random_resized_crop: {size: 96, scale: [0.05, 0.4], interpolation: bicubic}
      - horizontal_flip: 0.5
      - color_jitter: {p: 0.8, brightness: 0.4, contrast: 0.4, saturation: 0.2, hue: 0.1}
      - grayscale: 0.2
      - gaussian_blur: {p: 0.5, sigma: [0.1, 2.0], kernel_size: 17}
      - normalize: imagenet
)";

// facebookresearch/swav src/multicropdataset.py; its red channel's deviation is .228.
constexpr const char* kSwav = R"(
groups:
  - views: 2
    ops:
      - random_resized_crop: {size: 224, scale: [0.14, 1.0]}
      - horizontal_flip: 0.5
      - color_jitter: {p: 0.8, brightness: 0.8, contrast: 0.8, saturation: 0.8, hue: 0.2}
      - grayscale: 0.2
      - gaussian_blur: {p: 0.5, sigma: [0.1, 2.0]}
      - normalize: {mean: [0.485, 0.456, 0.406], std: [0.228, 0.224, 0.225]}
  - views: 6
    ops:
      - random_resized_crop: {size: 96, scale: [0.05, 0.14]}
      - horizontal_flip: 0.5
      - color_jitter: {p: 0.8, brightness: 0.8, contrast: 0.8, saturation: 0.8, hue: 0.2}
      - grayscale: 0.2
      - gaussian_blur: {p: 0.5, sigma: [0.1, 2.0], kernel_size: 17}
      - normalize: {mean: [0.485, 0.456, 0.406], std: [0.228, 0.224, 0.225]}
)";

std::vector<ViewGroup> read_groups(const std::string& text) {
  std::vector<ViewGroup> groups;
  config::read(config::parse_document("test.yaml", text), [&](config::Fields& f) {
    f.list("groups", "groups of views", groups.size(), [&](config::Fields& item, std::size_t i) {
      if (i >= groups.size()) groups.resize(i + 1);
      item.integer("views", groups[i].views, {}, "views");
      item.components("ops", groups[i].ops, view_specs(), "operations");
    });
  });
  return groups;
}

/// Images of random bytes and of different sizes.
class NoiseSource final : public data::Source {
 public:
  std::int64_t size() const override { return 6; }

  std::string name(std::int64_t i) const override { return std::to_string(i); }

  void decode(std::int64_t i,
              std::span<const std::byte>,
              const image::Wanted&,
              image::Image& out) const override {
    out = noise_image(120 + 40 * i, 300 - 30 * i, static_cast<std::uint32_t>(i));
  }

  std::span<const std::int64_t> labels() const override { return {}; }

  std::vector<std::string> class_names() const override { return {}; }

  std::string fingerprint() const override { return "noise"; }
};

void check_loads(const Pipeline& pipeline) {
  ViewWork work(pipeline);
  const NoiseSource source;
  const data::Sampler sampler(1, source.size(), 4);
  data::Loader loader(source, sampler, work, {.threads = 2, .end_step = 1});
  const data::Batch& batch = loader.next();
  REQUIRE(static_cast<std::int64_t>(batch.views.size()) == pipeline.num_views());
  for (std::int64_t v = 0; v < pipeline.num_views(); ++v) {
    const std::int64_t size = pipeline.shape(v).size();
    for (std::int64_t slot = 0; slot < 4; ++slot) {
      image::Image image;
      source.read(batch.samples[static_cast<std::size_t>(slot)], image);
      std::vector<float> want(static_cast<std::size_t>(size));
      pipeline.run(
          image, 0, batch.samples[static_cast<std::size_t>(slot)], v, want.data(), nullptr);
      const auto& view = batch.views[static_cast<std::size_t>(v)];
      CHECK(std::equal(want.begin(), want.end(), view.begin() + slot * size));
    }
  }
}

}  // namespace

TEST_CASE("multi-crop: DINO's ten views have their sizes, scales and probabilities", "[views]") {
  const std::vector<ViewGroup> groups = read_groups(kDino);
  REQUIRE(groups.size() == 3);
  const std::array<double, 3> blur{1.0, 0.1, 0.5};
  for (std::size_t g = 0; g < 3; ++g) {
    CHECK(ops_problem(groups[g].ops).empty());
    const auto& crop = dynamic_cast<const RandomResizedCrop&>(*groups[g].ops[0].config);
    CHECK(crop.size == (g < 2 ? 224 : 96));
    CHECK(crop.scale == (g < 2 ? std::array{0.4, 1.0} : std::array{0.05, 0.4}));
    CHECK(crop.interpolation.filter() == kernels::ResizeFilter::kBicubic);
    const auto& blurs = dynamic_cast<const GaussianBlur&>(*groups[g].ops[4].config);
    CHECK(blurs.p == blur[g]);
    // No kernel cuts off what lies within four of the widest deviations.
    CHECK(blurs.taps(crop.size) / 2 >= 4 * 2.0);
    CHECK((groups[g].ops[5].name == "solarize") == (g == 1));
  }
  const Pipeline pipeline(groups, 3);
  REQUIRE(pipeline.num_views() == 10);
  CHECK(pipeline.shape(1).width == 224);
  CHECK(pipeline.shape(2).width == 96);
  check_loads(pipeline);
}

TEST_CASE("multi-crop: SwAV's eight views have their sizes and its own statistics", "[views]") {
  const Pipeline pipeline(read_groups(kSwav), 3);
  REQUIRE(pipeline.num_views() == 8);
  CHECK(pipeline.shape(0).width == 224);
  CHECK(pipeline.shape(7).width == 96);
  CHECK(pipeline.stats(0).std == std::vector<float>{0.228f, 0.224f, 0.225f});
  check_loads(pipeline);
}

}  // namespace sslrun::views
