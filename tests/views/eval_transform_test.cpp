#include "views/eval_transform.h"

#include "tests/support/catch.h"
#include "tests/views/support.h"

#include <cmath>

namespace sslrun::views {

namespace {

// value(y, x) in every channel.
template <class F>
image::Image image_of(std::int64_t height, std::int64_t width, F value) {
  image::Image image;
  image.reshape(width, height, 3);
  for (std::int64_t i = 0; i < height * width * 3; ++i) {
    image.pixels[static_cast<std::size_t>(i)] =
        static_cast<std::uint8_t>(value(i / 3 / width, i / 3 % width));
  }
  return image;
}

std::vector<float> run(const EvalTransform& transform, const image::Image& image) {
  std::vector<float> out(static_cast<std::size_t>(transform.shape().size()), -1000.0f);
  transform.run(image, out.data());
  return out;
}

}  // namespace

TEST_CASE("eval_transform: a constant image stays constant at any size and is normalised",
          "[views]") {
  const std::int64_t size = GENERATE(1, 32, 63, 64, 224);
  const auto [height, width] =
      GENERATE(std::pair{1, 1}, std::pair{500, 375}, std::pair{33, 31}, std::pair{3, 90});
  const ChannelStats stats = Normalize().stats();
  const EvalTransform transform(size, stats);
  const std::vector<float> out =
      run(transform, image_of(height, width, [](auto, auto) { return 77; }));
  for (std::size_t i = 0; i < out.size(); ++i) {
    REQUIRE(out[i] == Approx((77.0 / 255 - stats.mean[i % 3]) / stats.std[i % 3]).margin(1e-5));
  }
}

TEST_CASE("eval_transform: an image of the evaluation size below 64 passes unchanged", "[views]") {
  const image::Image image = noise_image(32, 32, 5);
  const std::vector<float> out = run(EvalTransform(32, no_stats()), image);
  for (std::size_t i = 0; i < out.size(); ++i)
    REQUIRE(out[i] == Approx(image.pixels[i] / 255.0).margin(1e-6));
}

TEST_CASE("eval_transform: a horizontal gradient is cut at the centre", "[views]") {
  // 256 x 512 at 224: no resizing (short side 256), columns 144 .. 367, rows 16 .. 239.
  const image::Image image = image_of(256, 512, [](auto, auto x) { return x / 2; });
  const std::vector<float> out = run(EvalTransform(224, no_stats()), image);
  for (std::int64_t y = 0; y < 224; ++y) {
    for (std::int64_t x = 0; x < 224; ++x) {
      REQUIRE(out[static_cast<std::size_t>((y * 224 + x) * 3)] ==
              Approx(double((x + 144) / 2) / 255).margin(1e-5));
    }
  }
}

TEST_CASE("eval_transform: halving a linear ramp keeps it linear in both directions", "[views]") {
  // 146 x 292 at 64: short side 73, long side 146; output pixel x has its centre at input 2 * (x +
  // left) + 0.5.
  const bool along_x = GENERATE(true, false);
  const image::Image image =
      image_of(146, 292, [&](auto y, auto x) { return along_x ? x * 0 + x / 2 : y; });
  const std::vector<float> out = run(EvalTransform(64, no_stats()), image);
  const std::int64_t top = 4, left = 41;  // round((73 - 64) / 2) with ties to even, (146 - 64) / 2
  for (std::int64_t y = 0; y < 64; ++y) {
    for (std::int64_t x = 0; x < 64; ++x) {
      const double want = along_x ? double(x + left) : 2.0 * double(y + top) + 0.5;
      // Half a level for the x ramp's steps of one level every two columns, or for the byte.
      REQUIRE(out[static_cast<std::size_t>((y * 64 + x) * 3)] * 255 == Approx(want).margin(0.51));
    }
  }
}

}  // namespace sslrun::views
