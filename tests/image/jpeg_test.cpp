#include "base/philox.h"
#include "image/decode.h"
#include "tests/image/encode.h"
#include "tests/support/catch.h"

#include <algorithm>
#include <cstdlib>
#include <string>

using namespace sslrun;
using namespace sslrun::test;

namespace {

image::Image decoded(const std::string& bytes) {
  image::Image out;
  image::decode(std::as_bytes(std::span(bytes)), out);
  return out;
}

std::string reason(const std::string& bytes) {
  try {
    decoded(bytes);
  } catch (const image::BadImage& bad) {
    return bad.what();
  }
  return "accepted";
}

int worst(const std::vector<std::uint8_t>& a, const std::vector<std::uint8_t>& b) {
  if (a.size() != b.size()) return 1000;
  int most = 0;
  for (std::size_t i = 0; i < a.size(); ++i) most = std::max(most, std::abs(a[i] - b[i]));
  return most;
}

constexpr int kW = 41;
constexpr int kH = 27;

}  // namespace

TEST_CASE("jpeg: a round trip keeps smooth colours", "[image]") {
  const bool progressive = GENERATE(false, true);
  const auto pixels = gradient(kW, kH, 3);
  const auto out = decoded(make_jpeg(pixels, kW, kH, {.progressive = progressive}));
  CHECK(out.width == kW);
  CHECK(out.height == kH);
  CHECK(out.channels == 3);
  CHECK(worst(out.pixels, pixels) <= 8);
}

TEST_CASE("jpeg: gray becomes three equal channels", "[image]") {
  const auto pixels = gradient(kW, kH, 1);
  const auto out = decoded(make_jpeg(pixels, kW, kH, {.channels = 1, .stored = JCS_GRAYSCALE}));
  std::vector<std::uint8_t> want;
  for (const auto value : pixels) want.insert(want.end(), 3, value);
  CHECK(worst(out.pixels, want) <= 4);
}

TEST_CASE("jpeg: four inks become the colours they print", "[image]") {
  const J_COLOR_SPACE stored = GENERATE(JCS_CMYK, JCS_YCCK);
  const bool adobe = stored == JCS_YCCK || GENERATE(true, false);
  const auto raw = gradient(kW, kH, 4);
  const auto out =
      decoded(make_jpeg(raw, kW, kH, {.channels = 4, .stored = stored, .adobe = adobe}));
  std::vector<std::uint8_t> want;
  for (std::size_t i = 0; i < raw.size(); i += 4) {
    for (std::size_t c = 0; c < 3;
         ++c) {  // with Adobe's marker a stored value is 255 - ink, without it the ink
      const double light = adobe ? raw[i + c] / 255.0 : 1 - raw[i + c] / 255.0;
      const double white = adobe ? raw[i + 3] / 255.0 : 1 - raw[i + 3] / 255.0;
      want.push_back(static_cast<std::uint8_t>(255 * light * white + 0.5));
    }
  }
  CHECK(out.channels == 3);
  CHECK(worst(out.pixels, want) <= 8);
}

TEST_CASE("jpeg: the wanted part has the pixels of the whole image", "[image]") {
  const int width = 150, height = 131;
  auto pixels = gradient(width, height, 3);
  Rng rng(1, Purpose::kProbe, 0, 0, 0);
  for (auto& value : pixels)  // edges, which upsampling smears over their neighbours
    value = static_cast<std::uint8_t>(value / 2 + rng.below(128));
  const bool progressive = GENERATE(false, true);
  const auto [h, v] = GENERATE(table<int, int>({{1, 1}, {2, 1}, {1, 2}, {2, 2}, {4, 1}, {4, 2}}));
  CAPTURE(progressive, h, v);
  const std::string bytes =
      make_jpeg(pixels, width, height, {.progressive = progressive, .h_samp = h, .v_samp = v});
  const auto whole = decoded(bytes);
  std::int64_t smaller = 0;
  for (int i = 0; i < 200; ++i) {
    const std::int64_t box_h = 1 + rng.below(height), box_w = 1 + rng.below(width);
    const image::Box box{rng.below(height - box_h + 1), rng.below(width - box_w + 1), box_h, box_w};
    image::Image part;
    const auto wanted = [&](std::int64_t rows, std::int64_t columns) {
      REQUIRE((rows == height && columns == width));
      return box;
    };
    image::decode(std::as_bytes(std::span(bytes)), {}, wanted, part);
    REQUIRE((part.whole_width == width && part.whole_height == height));
    REQUIRE((part.top <= box.top && part.top + part.height >= box.top + box.height));
    REQUIRE((part.left <= box.left && part.left + part.width >= box.left + box.width));
    smaller += part.width * part.height < width * height;
    for (std::int64_t y = 0; y < box.height; ++y) {
      const auto* row = whole.pixels.data() + ((box.top + y) * width + box.left) * 3;
      const auto* got =
          part.pixels.data() + ((box.top - part.top + y) * part.width + box.left - part.left) * 3;
      REQUIRE(std::equal(row, row + box.width * 3, got));
    }
  }
  CHECK(smaller > 100);
}

TEST_CASE("jpeg: a cut file is refused also where the wanted part comes before the cut",
          "[image]") {
  const auto pixels = gradient(kW, kH, 3);
  const std::string bytes = make_jpeg(pixels, kW, kH);
  image::Image part;
  const auto top_row = [](std::int64_t, std::int64_t) { return image::Box{0, 0, 1, 1}; };
  const std::string cut = bytes.substr(0, bytes.size() - 40);
  CHECK_THROWS_AS(image::decode(std::as_bytes(std::span(cut)), {}, top_row, part), image::BadImage);
  image::decode(std::as_bytes(std::span(bytes)), {}, top_row, part);
  CHECK(part.height == 1);
}

TEST_CASE("jpeg: every truncation is refused", "[image]") {
  const bool progressive = GENERATE(false, true);
  const std::string whole = make_jpeg(gradient(kW, kH, 3), kW, kH, {.progressive = progressive});
  REQUIRE(reason(whole) == "accepted");
  for (std::size_t size = 0; size < whole.size(); ++size) {
    const std::string got = reason(whole.substr(0, size));
    CAPTURE(size, whole.size(), got);
    REQUIRE(got != "accepted");
    if (size > whole.size() / 2) REQUIRE(got.substr(0, 10) == "truncated:");
  }
}

TEST_CASE(
    "jpeg: a cut file that is to be kept has the rows before the cut, and is never kept silently "
    "where it is damaged",
    "[image]") {
  const bool progressive = GENERATE(false, true);
  const int width = 64, height = 64;
  const std::string whole =
      make_jpeg(gradient(width, height, 3), width, height, {.progressive = progressive});
  const image::PixelFormat keep{.keep_truncated = true};
  image::Image out;
  const auto reason_of = [&](const std::string& bytes) -> std::string {
    try {
      image::decode(std::as_bytes(std::span(bytes)), keep, {}, out);
    } catch (const image::BadImage& bad) {
      return bad.what();
    }
    return "accepted";
  };
  const auto want = decoded(whole);
  REQUIRE(reason_of(whole) == "accepted");
  CHECK(out.pixels == want.pixels);
  const std::string half =
      whole.substr(0, whole.size() - (whole.size() - whole.find("\xff\xda")) / 2);
  CHECK(reason(half).rfind("truncated:", 0) == 0);
  CHECK(reason_of(half) == "accepted");
  CHECK(out.width == width);
  CHECK(out.height == height);
  const std::ptrdiff_t eight_rows = width * 8 * 3;
  if (!progressive)
    CHECK(std::equal(want.pixels.begin(), want.pixels.begin() + eight_rows, out.pixels.begin()));
  CHECK(reason_of(whole.substr(0, 100)).rfind("truncated:", 0) == 0);  // in its header
  std::string damaged = whole;  // an end within the pixels is damage, not a cut
  damaged.replace((whole.find("\xff\xda") + whole.size()) / 2, 2, "\xff\xd9");
  CHECK(reason_of(damaged).rfind("corrupt:", 0) == 0);
}

TEST_CASE("jpeg: damaged bytes are decoded or refused, never worse", "[image]") {
  const std::string whole = make_jpeg(gradient(kW, kH, 3), kW, kH, {.progressive = true});
  std::uint32_t state = 1;
  for (int trial = 0; trial < 2000; ++trial) {
    std::string bytes = whole;
    for (int k = 0; k < 1 + trial % 4; ++k) {
      state = state * 1664525u + 1013904223u;
      // The size stays as it is: a larger one is legal and only slow.
      const std::size_t at = 200 + (state >> 8) % (bytes.size() - 200);
      bytes[at] = static_cast<char>(state >> 24);
    }
    reason(bytes);
  }
  SUCCEED();
}

TEST_CASE("jpeg: bytes before a marker are an oddity, not damage", "[image]") {
  std::string bytes = make_jpeg(gradient(kW, kH, 3), kW, kH);
  bytes.insert(bytes.size() - 2, std::string(5, 'x'));
  CHECK(reason(bytes) == "accepted");
}

TEST_CASE("jpeg: a header above the limit is refused before memory is taken", "[image]") {
  std::string bytes = make_jpeg(gradient(kW, kH, 3), kW, kH);
  const std::size_t frame = bytes.find("\xff\xc0");
  REQUIRE(frame != std::string::npos);
  for (int k = 5; k < 9; ++k) bytes[frame + static_cast<std::size_t>(k)] = static_cast<char>(0xf0);
  CHECK(reason(bytes).substr(0, 10) == "too large:");
}

TEST_CASE("jpeg: the exif orientation turns the image upright", "[image]") {
  const int orientation = GENERATE(1, 2, 3, 4, 5, 6, 7, 8);
  const bool big_endian = GENERATE(false, true);
  // The upright scene: dark but for a bright top left corner (red) and top right corner (green); 16
  // x 8 blocks.
  const int width = 48, height = 32;
  const auto scene = [](int x, int y, int c) {
    return y < 8 && ((c == 0 && x < 16) || (c == 1 && x >= 32)) ? 250 : 5;
  };
  const bool swapped = orientation >= 5;
  const int stored_width = swapped ? height : width, stored_height = swapped ? width : height;
  std::vector<std::uint8_t> stored;
  for (int row = 0; row < stored_height; ++row) {
    for (int column = 0; column < stored_width; ++column) {
      // EXIF 4.6.4 A: which side of the scene row 0 and column 0 are.
      int x = 0, y = 0;
      switch (orientation) {
        case 1:
          x = column, y = row;
          break;  // top, left
        case 2:
          x = width - 1 - column, y = row;
          break;  // top, right
        case 3:
          x = width - 1 - column, y = height - 1 - row;
          break;  // bottom, right
        case 4:
          x = column, y = height - 1 - row;
          break;  // bottom, left
        case 5:
          x = row, y = column;
          break;  // left, top
        case 6:
          x = width - 1 - row, y = column;
          break;  // right, top
        case 7:
          x = width - 1 - row, y = height - 1 - column;
          break;  // right, bottom
        case 8:
          x = row, y = height - 1 - column;
          break;  // left, bottom
      }
      for (int c = 0; c < 3; ++c) stored.push_back(static_cast<std::uint8_t>(scene(x, y, c)));
    }
  }
  JpegOptions options;
  options.stored = JCS_RGB;
  options.exif = std::string("Exif\0\0", 6) + exif_block(orientation, big_endian);
  const auto out = decoded(make_jpeg(stored, stored_width, stored_height, options));
  REQUIRE(out.width == width);
  REQUIRE(out.height == height);
  std::vector<std::uint8_t> want;
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      for (int c = 0; c < 3; ++c) want.push_back(static_cast<std::uint8_t>(scene(x, y, c)));
    }
  }
  CHECK(worst(out.pixels, want) <= 8);
}
