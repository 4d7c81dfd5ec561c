// Packed and made by the batched kernels, a view has the bits that the pipeline gives it.
#include "views/packed_work.h"

#include "config/document.h"
#include "config/reader.h"
#include "tests/support/catch.h"
#include "tests/views/support.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

namespace sslrun::views {

namespace {

ViewGroup group_of(std::int64_t views, const std::string& ops) {
  ViewGroup group{views, {}};
  config::read(config::parse_document("test.yaml", "ops: [" + ops + "]\n"), [&](config::Fields& f) {
    f.components("ops", group.ops, view_specs(), "operations");
  });
  return group;
}

image::Image noise(std::int64_t height, std::int64_t width, std::int64_t channels) {
  image::Image image;
  image.reshape(width, height, channels);
  Rng rng(5, Purpose::kProbe, 0, static_cast<std::uint32_t>(height), 0);
  for (std::uint8_t& byte : image.pixels) byte = static_cast<std::uint8_t>(rng.below(256));
  return image;
}

/// Only the box that the views look at, with a border of one where there is room.
image::Image part_of(const image::Image& whole, image::Box box) {
  const std::int64_t top = std::max<std::int64_t>(0, box.top - 1), left = box.left;
  image::Image part;
  part.reshape(box.width, box.top + box.height - top, whole.channels);
  part.top = top, part.left = left;
  part.whole_width = whole.width, part.whole_height = whole.height;
  for (std::int64_t y = 0; y < part.height; ++y)
    std::copy_n(whole.pixels.data() + ((top + y) * whole.width + left) * whole.channels,
                box.width * whole.channels,
                part.pixels.data() + y * box.width * whole.channels);
  return part;
}

constexpr std::pair<std::int64_t, std::int64_t> kSizes[] =
    {{1, 1}, {1, 90}, {70, 1}, {2, 3}, {33, 31}, {300, 211}, {64, 500}, {40, 40}};

/// Values that differ, by how much at most, and how many views were blurred.
struct Comparison {
  std::int64_t differ = 0, blurred = 0, views = 0;
  float worst = 0;
};

/// The views of images of all sizes, by the batched kernels and, one by one, by the pipeline.
Comparison compare(const Pipeline& pipeline, std::int64_t channels) {
  REQUIRE(pipeline.cpu_only() == "");
  const std::int64_t slots = std::size(kSizes);
  PackedWork work(pipeline, slots, std::pmr::new_delete_resource());
  data::Batch batch;
  batch.pack = work.make_pack();
  Comparison all;
  for (std::int64_t round = 0; round < 3; ++round) {  // the first pack is too small, then it is not
    batch.pack->reset();
    for (std::int64_t slot = slots - 1; slot >= 0; --slot) {
      const auto [height, width] = kSizes[slot];
      const image::Image image = noise(height, width, channels);
      const image::Box box = pipeline.wanted(height, width, round, slot);
      work.run(round == 1 ? part_of(image, box) : image, round, slot, slot, batch);
    }
    const kernels::ViewBatchSize size = work.finish(batch);
    std::vector<std::uint8_t> resized(static_cast<std::size_t>(size.resized_bytes));
    std::vector<float> changed(static_cast<std::size_t>(size.changed_floats)),
        out(static_cast<std::size_t>(size.out_floats), -1000.0f);
    const kernels::ViewBatchArgs args{
        size, batch.pack->data(), resized.data(), changed.data(), out.data()};
    kernels::view_batch(args, kernels::Cpu{});
    for (std::int64_t slot = 0; slot < slots; ++slot) {
      for (std::int64_t v = 0; v < pipeline.num_views(); ++v) {
        const auto [height, width] = kSizes[slot];
        std::vector<float> want(static_cast<std::size_t>(pipeline.shape(v).size()));
        pipeline.run(noise(height, width, channels), round, slot, v, want.data(), nullptr);
        const float* got = out.data() + work.out_place(v) + slot * pipeline.shape(v).size();
        for (std::size_t i = 0; i < want.size(); ++i) {
          all.differ += got[i] != want[i];
          all.worst = std::max(all.worst, std::abs(got[i] - want[i]));
        }
        all.blurred += args.views()[slot * pipeline.num_views() + v].blur_reach > 0;
        ++all.views;
      }
    }
  }
  return all;
}

}  // namespace

TEST_CASE("packed_work: the batched kernels make the pipeline's views, bit for bit", "[views]") {
  const std::string jitter = "color_jitter, grayscale: 0.3, ";
  const Pipeline simclr({simclr_group(24, 2), simclr_group(17, 3)}, 4);
  const Pipeline byol({group_of(1,
                                "random_resized_crop: {size: 40, interpolation: bicubic}, "
                                "horizontal_flip, vertical_flip, " +
                                    jitter + "gaussian_blur: {p: 0.7, kernel_size: 9}, " +
                                    "solarize: {p: 0.5, threshold: 0.4}, normalize: cifar10"),
                       group_of(2,
                                "resize: {size: 33}, posterize: {bits: 3}, " + jitter +
                                    "gaussian_blur: {kernel_size: 129, sigma: [0.1, 30]}, "
                                    "normalize")},
                      4);
  for (const Pipeline* pipeline : {&simclr, &byol}) {
    const Comparison got = compare(*pipeline, 3);
    CHECK(got.differ == 0);
    CHECK(got.blurred > got.views / 8);
    CHECK(got.blurred < got.views);
  }
}

TEST_CASE("packed_work: gray and many channels, where no colour is meant", "[views]") {
  for (const std::int64_t channels : {1, 2, 5}) {
    std::string stats;
    for (std::int64_t c = 0; c < channels; ++c) stats += c == 0 ? "0.3" : ", 0.4";
    const Pipeline pipeline(
        {group_of(2,
                  "random_resized_crop: {size: 20}, horizontal_flip, solarize, "
                  "gaussian_blur: {kernel_size: 5}, posterize, normalize: {mean: [" +
                      stats + "], std: [" + stats + "]}")},
        4,
        channels);
    CHECK(compare(pipeline, channels).differ == 0);
  }
}

TEST_CASE("packed_work: flips behind the colours move the grey mean by its rounding", "[views]") {
  // It is summed in the order of the flipped pixels.
  const Pipeline pipeline(
      {group_of(2,
                "random_resized_crop: {size: 41}, color_jitter: {p: 1}, horizontal_flip: 1, "
                "normalize: {mean: [0, 0, 0], std: [1, 1, 1]}")},
      4);
  const Comparison got = compare(pipeline, 3);
  CHECK(got.differ > 0);
  CHECK(got.worst < 4 * 5.1e-7f);  // four times the largest measured
}

TEST_CASE("packed_work: what the batched kernels lack is named, whatever is drawn", "[views]") {
  const auto cpu_only = [](const std::string& ops, std::int64_t channels = 3) {
    return Pipeline({simclr_group(8), group_of(1, ops)}, 0, channels).cpu_only();
  };
  const std::string crop = "random_resized_crop: {size: 8}, ";
  CHECK(cpu_only(crop + "elastic: {p: 0}, normalize") == "elastic");
  CHECK(cpu_only("center_crop: {size: 8, resize: 9}, normalize") == "center_crop");
  CHECK(cpu_only(crop + "gaussian_blur: {p: 0}, grayscale: 0, normalize") == "grayscale");
  CHECK(cpu_only(crop + "gaussian_blur: {p: 0}, gaussian_blur: {p: 0}, normalize") ==
        "gaussian_blur");
  CHECK(cpu_only(crop + "color_jitter: {p: 0}, color_jitter: {p: 0}, grayscale: 0, normalize") ==
        "grayscale");
  CHECK(cpu_only(crop + "normalize: {per_picture: true}") == "normalize");
  CHECK(cpu_only(crop + "rotation_classes, normalize") == "rotation_classes");
}

}  // namespace sslrun::views
