#include "views/pipeline.h"

#include "base/error.h"
#include "kernels/augment/color_jitter.h"
#include "kernels/augment/crop_resize.h"
#include "kernels/augment/gaussian_blur.h"
#include "kernels/augment/normalize.h"
#include "kernels/augment/unit_core.h"
#include "tests/support/catch.h"
#include "tests/views/support.h"
#include "views/preview.h"
#include "views/view_work.h"

#include <algorithm>
#include <cmath>
#include <thread>

namespace sslrun::views {

namespace {

std::vector<float> view_of(const Pipeline& p,
                           const image::Image& image,
                           std::int64_t epoch,
                           std::int64_t sample,
                           std::int64_t view) {
  std::vector<float> out(static_cast<std::size_t>(p.shape(view).size()), -1000.0f);
  p.run(image, epoch, sample, view, out.data(), nullptr);
  return out;
}

}  // namespace

TEST_CASE("pipeline: a view depends on seed, epoch, sample and view alone", "[views]") {
  const image::Image image = noise_image(50, 70, 1);
  const Pipeline p({simclr_group(32)}, 3), same({simclr_group(32)}, 3),
      other({simclr_group(32)}, 4);
  const std::vector<float> want = view_of(p, image, 5, 9, 1);
  CHECK(view_of(same, image, 5, 9, 1) == want);
  CHECK(view_of(other, image, 5, 9, 1) != want);
  CHECK(view_of(p, image, 6, 9, 1) != want);
  CHECK(view_of(p, image, 5, 8, 1) != want);
  CHECK(view_of(p, image, 5, 9, 0) != want);
  std::vector<float> from_thread;
  std::thread([&] {
    view_of(p, noise_image(200, 100, 2), 0, 0, 0);  // what the thread did before leaves no trace
    from_thread = view_of(p, image, 5, 9, 1);
  }).join();
  CHECK(from_thread == want);
}

TEST_CASE("pipeline: the wanted part of an image gives the same views as all of it", "[views]") {
  const image::Image whole = noise_image(90, 130, 4);
  const Pipeline p({simclr_group(24, 2), simclr_group(16, 1)}, 8);
  std::int64_t smaller = 0;
  for (std::int64_t sample = 0; sample < 40; ++sample) {
    const image::Box box = p.wanted(90, 130, 2, sample);
    smaller += box.height * box.width < 90 * 130;
    image::Image part;
    part.reshape(box.width, box.height, 3);
    for (std::int64_t y = 0; y < box.height; ++y)
      std::copy_n(whole.pixels.data() + ((box.top + y) * 130 + box.left) * 3,
                  box.width * 3,
                  part.pixels.data() + y * box.width * 3);
    part.left = box.left, part.top = box.top, part.whole_width = 130, part.whole_height = 90;
    for (std::int64_t view = 0; view < 3; ++view)
      REQUIRE(view_of(p, part, 2, sample, view) == view_of(p, whole, 2, sample, view));
  }
  CHECK(smaller > 20);
}

TEST_CASE("pipeline: views are numbered through the groups", "[views]") {
  const Pipeline p({simclr_group(24, 2), simclr_group(16, 3)}, 0);
  REQUIRE(p.num_views() == 5);
  CHECK(p.shape(1).width == 24);
  CHECK(p.shape(2).width == 16);
  CHECK(p.shape(4).size() == 16 * 16 * 3);
  CHECK_THROWS(p.shape(5));
}

TEST_CASE("pipeline: a group that does not crop first or normalise last is refused by name",
          "[views]") {
  const ViewGroup good = simclr_group(8);
  const auto message = [&](const ViewGroup& bad) -> std::string {
    try {
      Pipeline({good, bad}, 0);
    } catch (const Error& e) {
      CHECK(e.exit_code() == 3);
      return e.what();
    }
    return "";
  };
  ViewGroup no_crop = good;
  no_crop.ops.erase(no_crop.ops.begin());
  CHECK(message(no_crop) ==
        "augmentations[1].ops: must begin with random_resized_crop, random_crop, center_crop or "
        "resize, got "
        "horizontal_flip");
  ViewGroup no_end = good;
  no_end.ops.pop_back();
  CHECK(message(no_end) == "augmentations[1].ops: must end with normalize, got gaussian_blur");
  ViewGroup twice = good;
  twice.ops.insert(twice.ops.begin() + 2, twice.ops.front());
  CHECK(message(twice) ==
        "augmentations[1].ops: must begin with its only crop and end with its only normalize, got "
        "random_resized_crop at place 2");
  CHECK(message({2, {}}) ==
        "augmentations[1].ops: must begin with random_resized_crop, random_crop, center_crop or "
        "resize and end "
        "with normalize, got no "
        "operation");
  CHECK_THROWS_AS(Pipeline({}, 0), Error);
}

TEST_CASE(
    "pipeline: a view is the kernels' output for the parameters drawn in the order of the recipe",
    "[views]") {
  const std::int64_t size = 40;
  const image::Image image = noise_image(60, 90, 6);
  const Pipeline p({simclr_group(size)}, 8);
  RandomResizedCrop crop;
  crop.size = size;
  int flips = 0, jitters = 0, grays = 0, blurs = 0;
  for (std::uint32_t sample = 0; sample < 24; ++sample) {
    Rng rng(8, Purpose::kView, 2, sample, 1);
    const Box box = crop.part(rng, image.height, image.width);
    const bool flip = HorizontalFlip().sample(rng);
    const auto jitter = ColorJitter().sample(rng);
    const bool gray = Grayscale().sample(rng);
    const auto sigma = GaussianBlur().sample(rng);

    std::vector<float> pixels(3 * size * size), want(3 * size * size);
    std::vector<float> scratch;
    std::vector<std::uint8_t> bytes(pixels.size());
    const kernels::ByteCropView cut{image.pixels.data(),
                                    image.width,
                                    box.left,
                                    box.top,
                                    box.width,
                                    box.height,
                                    flip,
                                    bytes.data()};
    kernels::crop_resize({&cut, 1, size, size}, kernels::Cpu{});
    std::transform(bytes.begin(), bytes.end(), pixels.begin(), kernels::byte_to_unit);
    kernels::ColorJitterView color{.pixels = pixels.data()};
    if (gray) color.steps[4] = {kernels::ToneOp::kGrayscale};
    if (jitter) {
      const double factors[] = {
          jitter->brightness, jitter->contrast, jitter->saturation, jitter->hue};
      for (std::size_t i = 0; i < 4; ++i) {
        const int op = jitter->order[i];
        color.steps[i] = {static_cast<kernels::ToneOp>(op + 1), static_cast<float>(factors[op])};
      }
    }
    kernels::color_jitter({&color, 1, size * size}, kernels::Cpu{});
    const kernels::GaussianBlurView blur{pixels.data(), sigma ? static_cast<float>(*sigma) : 0.0f};
    scratch.resize(
        static_cast<std::size_t>(kernels::gaussian_blur_scratch(size, size, 2, kernels::Cpu{})));
    kernels::gaussian_blur({&blur, 1, size, size, 2, scratch.data()}, kernels::Cpu{});
    const kernels::NormalizeView last{pixels.data(), want.data()};
    kernels::normalize({&last, 1, size * size, {0.485f, 0.456f, 0.406f}, {0.229f, 0.224f, 0.225f}},
                       kernels::Cpu{});

    const std::vector<float> got = view_of(p, image, 2, sample, 1);
    float worst = 0;
    for (std::size_t i = 0; i < want.size(); ++i)
      worst = std::max(worst, std::abs(got[i] - want[i]));
    CAPTURE(sample);
    CHECK(worst <= 1e-6f);
    flips += flip;
    jitters += jitter.has_value();
    grays += gray;
    blurs += sigma.has_value();
  }
  // Every operation was seen on and off.
  for (const int on : {flips, jitters, grays, blurs}) {
    CHECK(on > 0);
    CHECK(on < 24);
  }
}

TEST_CASE("pipeline: images of any size give finite views", "[views]") {
  const Pipeline p({simclr_group(17)}, 0);
  const auto [height, width] = GENERATE(
      std::pair{1, 1}, std::pair{1, 300}, std::pair{300, 1}, std::pair{2, 3}, std::pair{17, 17});
  const image::Image image = noise_image(height, width, 3);
  for (std::int64_t sample = 0; sample < 50; ++sample) {
    for (const float x : view_of(p, image, 0, sample, 0)) {
      // [0, 1] under ImageNet's statistics, with 1e-4 for rounding.
      REQUIRE(x >= -2.1180f);
      REQUIRE(x <= 2.6401f);
    }
  }
}

TEST_CASE("view_work: every view lands in its sample's slot and nowhere else", "[views]") {
  const Pipeline p({simclr_group(16, 2), simclr_group(8, 1)}, 0);
  ViewWork work(p);
  std::vector<std::int64_t> floats;
  data::Batch batch;
  for (const data::ViewSize& size : work.view_sizes()) {
    floats.push_back(size.floats);
    CHECK(size.targets == 0);
    batch.views.emplace_back(static_cast<std::size_t>(3 * size.floats), -1000.0f);
    batch.targets.emplace_back();
  }
  REQUIRE(floats == std::vector<std::int64_t>{768, 768, 192});
  const image::Image image = noise_image(20, 30, 4);
  work.run(image, 2, 11, 1, batch);
  for (std::int64_t v = 0; v < 3; ++v) {
    const std::vector<float> want = view_of(p, image, 2, 11, v);
    const data::ViewBuffer& got = batch.views[static_cast<std::size_t>(v)];
    const auto n = static_cast<std::ptrdiff_t>(want.size());
    CHECK(std::equal(want.begin(), want.end(), got.begin() + n));
    CHECK(std::count(got.begin(), got.end(), -1000.0f) == 2 * n);
  }
}

TEST_CASE("preview: normalisation is undone and cells do not touch", "[views]") {
  const Pipeline p({simclr_group(6, 1), simclr_group(4, 1)}, 0);
  const ChannelStats stats = p.stats(0);
  std::vector<data::ViewBuffer> views;
  for (std::int64_t v = 0; v < 2; ++v) {
    data::ViewBuffer view;
    for (std::int64_t i = 0; i < 2 * p.shape(v).size(); ++i) {
      const auto c = static_cast<std::size_t>(i % 3);
      view.push_back(((v == 0 ? 200.0f : 10.0f) / 255.0f - stats.mean[c]) / stats.std[c]);
    }
    views.push_back(view);
  }
  const image::Image grid = preview_grid(p, views, 2);
  constexpr std::int64_t kZoom = 18, kSide = 2 * 6 * kZoom + 2;  // 112 / 6, and a gap
  REQUIRE(grid.width == kSide);
  REQUIRE(grid.height == kSide);
  const auto at = [&](std::int64_t y, std::int64_t x) {
    return int(grid.pixels[std::size_t((y * kSide + x) * 3)]);
  };
  constexpr std::int64_t kEnd = 6 * kZoom, kNext = kEnd + 2;
  CHECK(at(0, 0) == 200);
  CHECK(at(kEnd - 1, kEnd - 1) == 200);
  CHECK(at(kEnd, 0) == 128);
  CHECK(at(0, kEnd) == 128);
  CHECK(at(kNext, kNext) == 10);
  CHECK(at(kNext + 4 * kZoom - 1, kNext + 4 * kZoom - 1) == 10);
  CHECK(at(kNext + 4 * kZoom, kNext) == 128);  // the smaller view leaves the rest of its cell
  CHECK(at(kNext, kNext + 4 * kZoom) == 128);
  views[1].resize(10);
  CHECK_THROWS(preview_grid(p, views, 2));
}

}  // namespace sslrun::views
