#include "views/recode.h"

#include "image/bad_image.h"
#include "image/decode.h"
#include "image/jpeg_write.h"
#include "image/png_write.h"
#include "tests/support/catch.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <string>

using namespace sslrun;

namespace {

std::span<const std::byte> bytes_of(const std::string& text) {
  return std::as_bytes(std::span(text));
}

// A ramp of 8 bits.
image::Image ramp(std::int64_t width, std::int64_t height, std::int64_t channels) {
  image::Image image;
  image.reshape(width, height, channels);
  for (std::int64_t i = 0; i < width * height * channels; ++i)
    image.pixels[static_cast<std::size_t>(i)] =
        static_cast<std::uint8_t>((i / channels % width) * 200 / width + i % channels * 20);
  return image;
}

image::Image decoded(const std::string& text) {
  image::Image out;
  image::decode(bytes_of(text), out);
  return out;
}

// Components of a baseline JPEG.
int components(const std::string& jpeg) {
  return jpeg.at(jpeg.find("\xff\xc0") + 9);
}

}  // namespace

TEST_CASE("recode: nothing asked, nothing changed", "[views][recode]") {
  const std::string png = image::encode_png(ramp(60, 40, 3));
  CHECK_FALSE(views::recode(bytes_of(png), {}));
  CHECK_FALSE(views::recode(bytes_of(png), {.short_side = 40}));
  CHECK(views::RecodeOptions{}.words().empty());
  CHECK(views::RecodeOptions{.short_side = 40, .quality = 80}.words() ==
        "short side 40, quality 80");
  CHECK_THROWS_AS(views::recode(bytes_of("no picture"), {.quality = 80}), image::BadImage);
}

TEST_CASE("recode: the short side becomes the one asked for, in the file's kind",
          "[views][recode]") {
  const image::Image picture = ramp(90, 60, 3);
  const auto png = views::recode(bytes_of(image::encode_png(picture)), {.short_side = 20});
  REQUIRE(png);
  CHECK(png->ending == std::string(".png"));
  const image::Image small = decoded(png->bytes);
  CHECK(small.width == 30);
  CHECK(small.height == 20);
  for (std::int64_t x = 2; x < 28; ++x) {  // a ramp stays one: the mean of three columns
    const double want = 0.5 * (picture.pixels[static_cast<std::size_t>(9 * x)] +
                               picture.pixels[static_cast<std::size_t>(9 * x + 6)]);
    CHECK(std::abs(small.pixels[static_cast<std::size_t>(3 * x)] - want) <= 2);  // floors: 1 each
  }
  const auto jpeg = views::recode(bytes_of(image::encode_jpeg(picture, 95, image::Chroma::kFull)),
                                  {.short_side = 20});
  REQUIRE(jpeg);
  CHECK(jpeg->ending == std::string(".jpg"));
  CHECK(decoded(jpeg->bytes).width == 30);
}

TEST_CASE("recode: quality makes a JPEG of every opaque image of 8 bits", "[views][recode]") {
  const image::Image picture = ramp(90, 60, 3);
  const std::string png = image::encode_png(picture);
  const auto fine = views::recode(bytes_of(png), {.quality = 95});
  const auto coarse = views::recode(bytes_of(png), {.quality = 20});
  REQUIRE((fine && coarse));
  CHECK(fine->ending == std::string(".jpg"));
  CHECK(coarse->bytes.size() < fine->bytes.size());
  CHECK(components(fine->bytes) == 3);
  const image::Image back = decoded(fine->bytes);
  REQUIRE(back.pixels.size() == picture.pixels.size());
  int worst = 0;
  for (std::size_t i = 0; i < back.pixels.size(); ++i)
    worst = std::max(worst, std::abs(back.pixels[i] - picture.pixels[i]));
  CHECK(worst <= 12);  // measured: 3
  const auto gray = views::recode(bytes_of(image::encode_png(ramp(90, 60, 1))), {.quality = 95});
  REQUIRE(gray);
  CHECK(components(gray->bytes) == 1);
}

TEST_CASE("recode: what 8 opaque bits cannot hold keeps its bytes", "[views][recode]") {
  const views::RecodeOptions options{.short_side = 8, .quality = 80};
  image::Image alpha = ramp(30, 20, 4);
  CHECK_FALSE(views::recode(bytes_of(image::encode_png(alpha)), options));
  for (std::size_t i = 3; i < alpha.pixels.size(); i += 4) alpha.pixels[i] = 255;
  CHECK(views::recode(bytes_of(image::encode_png(alpha)), options));
  std::string wide = "P5 30 20 65535\n";
  for (int i = 0; i < 600; ++i) wide += {static_cast<char>(i / 3), static_cast<char>(i)};
  CHECK_FALSE(views::recode(bytes_of(wide), options));
  std::string widened = "P5 30 20 65535\n";
  for (int i = 0; i < 600; ++i) widened += {static_cast<char>(i / 3), static_cast<char>(i / 3)};
  CHECK(views::recode(bytes_of(widened), options));
}
