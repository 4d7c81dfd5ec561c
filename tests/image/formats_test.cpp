// Every format against files of other encoders (tests/golden/formats.py), and damaged files of all.
#include "base/philox.h"
#include "image/decode.h"
#include "tests/image/encode.h"
#include "tests/support/catch.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <string>
#include <vector>

namespace sslrun::image {

namespace {

std::vector<std::uint8_t> from_hex(const std::string& text) {
  std::vector<std::uint8_t> bytes;
  for (std::size_t i = 0; i + 1 < text.size(); i += 2)
    bytes.push_back(static_cast<std::uint8_t>(std::stoi(text.substr(i, 2), nullptr, 16)));
  return bytes;
}

struct GoldenFile {
  std::string name, error;
  std::vector<std::uint8_t> bytes, rgb;
  std::int64_t width = 0, height = 0;
};

std::vector<GoldenFile> golden_files() {
  std::ifstream in(SSLRUN_TEST_DIR "/golden/formats.json");
  std::vector<GoldenFile> files;
  const nlohmann::json golden = nlohmann::json::parse(in);
  for (const auto& c : golden.at("cases")) {
    files.push_back({c.at("name"),
                     c.value("error", ""),
                     from_hex(c.at("file")),
                     from_hex(c.value("rgb", "")),
                     c.value("width", 0),
                     c.value("height", 0)});
  }
  return files;
}

// "" when it decodes, else the reason. Any other exception than BadImage is the test's to see.
std::string try_decode(const std::vector<std::uint8_t>& bytes, Image& out) {
  try {
    // A copy of exactly these bytes: a read past them is seen by the address sanitizer.
    const std::vector<std::uint8_t> exact(bytes.begin(), bytes.end());
    decode(std::as_bytes(std::span(exact)), out);
    return "";
  } catch (const BadImage& e) {
    return e.what();
  }
}

}  // namespace

TEST_CASE("formats: the pixels of files made by other encoders", "[image]") {
  const std::vector<GoldenFile> files = golden_files();
  REQUIRE(files.size() > 50);
  for (const GoldenFile& file : files) {
    INFO(file.name);
    Image image;
    const std::string reason = try_decode(file.bytes, image);
    INFO(reason);
    if (!file.error.empty()) {
      CHECK(reason.starts_with(file.error));
      continue;
    }
    REQUIRE(reason.empty());
    CHECK(image.width == file.width);
    CHECK(image.height == file.height);
    CHECK(image.channels == 3);
    CHECK(image.pixels == file.rgb);
  }
}

TEST_CASE("formats: channels, bits and background that a recipe asks for", "[image]") {
  std::ifstream in(SSLRUN_TEST_DIR "/golden/formats.json");
  const nlohmann::json golden = nlohmann::json::parse(in);
  REQUIRE(golden.at("kept").size() > 20);
  for (const auto& c : golden.at("kept")) {
    INFO(c.at("name"));
    const auto bytes = from_hex(c.at("file"));
    const PixelFormat format{c.at("channels"), c.at("bits"), c.at("background")};
    Image image;
    std::string reason;
    try {
      decode(std::as_bytes(std::span(bytes)), format, {}, image);
    } catch (const BadImage& e) {
      reason = e.what();
    }
    REQUIRE(reason == c.value("error", ""));
    if (!reason.empty()) continue;
    CHECK(image.channels == format.channels);
    CHECK(image.bits == format.bits);
    std::vector<int> samples;
    for (std::size_t i = 0; i < image.pixels.size();
         i += static_cast<std::size_t>(format.bits / 8)) {
      std::uint16_t wide = image.pixels[i];
      if (format.bits == 16) std::memcpy(&wide, image.pixels.data() + i, 2);
      samples.push_back(wide);
    }
    std::vector<int> want;
    const auto stored = from_hex(c.at("samples"));  // 16 bits each, the higher byte first
    for (std::size_t i = 0; i < stored.size(); i += 2)
      want.push_back(stored[i] << 8 | stored[i + 1]);
    CHECK(samples == want);
  }
}

TEST_CASE("formats: a file cut anywhere is refused, or nothing of its picture was cut", "[image]") {
  for (const GoldenFile& file : golden_files()) {
    if (!file.error.empty()) continue;
    INFO(file.name);
    std::int64_t silent = 0;
    const std::size_t step = file.bytes.size() > 2000 ? 7 : 1;
    for (std::size_t size = 0; size < file.bytes.size(); size += step) {
      Image image;
      const std::string reason =
          try_decode({file.bytes.begin(), file.bytes.begin() + std::ptrdiff_t(size)}, image);
      if (!reason.empty()) continue;
      REQUIRE(image.pixels.size() == file.rgb.size());
      // The digits of a plain PNM's last number may be cut, and nobody can tell: one pixel is left out.
      const std::ptrdiff_t last = file.name.starts_with("plain") ? 3 : 0;
      silent += !std::equal(image.pixels.begin(), image.pixels.end() - last, file.rgb.begin());
    }
    CHECK(silent == 0);
  }
}

namespace {

// One to eight bytes changed, put in or taken out; half of them in the first 64, where headers are.
void mutate(std::vector<std::uint8_t>& bytes, Rng& rng) {
  const std::uint32_t changes = 1 + rng.next() % 8;
  for (std::uint32_t c = 0; c < changes && !bytes.empty(); ++c) {
    const std::size_t range =
        rng.next() % 2 ? bytes.size() : std::min<std::size_t>(bytes.size(), 64);
    const std::size_t at = rng.next() % range;
    switch (rng.next() % 4) {
      case 0:
        bytes[at] ^= static_cast<std::uint8_t>(1u << rng.next() % 8);
        break;
      case 1:
        bytes[at] = rng.next() % 2 ? 0xFF : 0;
        break;
      case 2:
        bytes.erase(bytes.begin() + std::ptrdiff_t(at));
        break;
      default:
        bytes.insert(bytes.begin() + std::ptrdiff_t(at), static_cast<std::uint8_t>(rng.next()));
    }
  }
}

// A file and what it is turned into.
struct Case {
  std::vector<std::uint8_t> bytes;
  PixelFormat format;
};

// Every golden file as RGB and as it is asked for there (gray, 16 bits, more channels), and JPEGs of
// each kind, which are also kept where they are cut.
std::vector<Case> files_to_mutate() {
  std::vector<Case> files;
  for (const GoldenFile& file : golden_files()) files.push_back({file.bytes, {}});
  std::ifstream in(SSLRUN_TEST_DIR "/golden/formats.json");
  const nlohmann::json golden = nlohmann::json::parse(in);
  for (const auto& c : golden.at("kept"))
    files.push_back({from_hex(c.at("file")), {c.at("channels"), c.at("bits"), c.at("background")}});
  for (const bool progressive : {false, true}) {
    for (const int channels : {1, 3, 4}) {
      for (const int sampling : {1, 2}) {
        const auto jpeg = test::make_jpeg(test::gradient(41, 27, channels),
                                          41,
                                          27,
                                          {.channels = channels,
                                           .stored = channels == 1   ? JCS_GRAYSCALE
                                                     : channels == 3 ? JCS_YCbCr
                                                                     : JCS_CMYK,
                                           .progressive = progressive,
                                           .h_samp = sampling});
        for (const bool keep : {false, true}) {
          files.push_back({{jpeg.begin(), jpeg.end()}, {.keep_truncated = keep}});
        }
      }
    }
  }
  return files;
}

}  // namespace

TEST_CASE("formats: 9000 mutated files end as a picture or as a bad image", "[image]") {
  const std::vector<Case> files = files_to_mutate();
  REQUIRE(files.size() >= 100);
  std::int64_t pictures = 0, refused = 0;
  for (std::uint32_t i = 0; i < 9000; ++i) {
    std::vector<std::uint8_t> bytes = files[i % files.size()].bytes;
    const PixelFormat& format = files[i % files.size()].format;
    Rng rng(1, Purpose::kInit, 0, i, 0);
    mutate(bytes, rng);
    bytes.shrink_to_fit();
    const auto part = [&](std::int64_t height, std::int64_t width) {
      const std::int64_t h = 1 + rng.below(std::uint32_t(height)),
                         w = 1 + rng.below(std::uint32_t(width));
      return Box{
          rng.below(std::uint32_t(height - h + 1)), rng.below(std::uint32_t(width - w + 1)), h, w};
    };
    Image image;
    try {
      decode(std::as_bytes(std::span(bytes)),
             format,
             i % 2 ? sslrun::image::Wanted(part) : sslrun::image::Wanted(),
             image);
      ++pictures;
      REQUIRE(image.channels == format.channels);
      REQUIRE(image.bits == format.bits);
      REQUIRE(image.pixels.size() == std::size_t(image.width * image.height * image.stride()));
    } catch (const BadImage&) {
      ++refused;
    }
  }
  CHECK(pictures > 1000);  // the mutations reach the pixels, and the headers
  CHECK(refused > 1000);
}

TEST_CASE("formats: a window spreads levels at 16 bits, whatever the file has", "[image]") {
  // By the definition: clamp((v - low) / (high - low)) of the whole range, rounded to nearest.
  const std::array<std::uint16_t, 2> window{1000, 5000};
  const auto want = [&](int v, double most) {
    return int(std::floor(std::clamp((v - 1000) / 4000.0, 0.0, 1.0) * most + 0.5));
  };
  const std::vector<int> levels = {0, 1000, 1001, 2333, 3000, 4999, 5000, 65535};
  std::string pgm = "P5 8 1 65535\n";
  for (const int v : levels) pgm += {char(v >> 8), char(v & 255)};
  Image image;
  decode(std::as_bytes(std::span(pgm)), {1, 16, 255, false, window}, {}, image);
  for (std::size_t i = 0; i < levels.size(); ++i) {
    std::uint16_t got = 0;
    std::memcpy(&got, image.pixels.data() + 2 * i, 2);
    CHECK(int(got) == want(levels[i], 65535));
  }
  decode(std::as_bytes(std::span(pgm)), {1, 8, 255, false, window}, {}, image);
  REQUIRE(image.pixels.size() == levels.size());
  for (std::size_t i = 0; i < levels.size(); ++i)  // rounded twice, by way of 16 bits
    CHECK(std::abs(int(image.pixels[i]) - want(levels[i], 255)) <= 1);
  const std::string small("P5 3 1 255\n\0\x0a\xff", 14);  // 10 is 2570
  decode(std::as_bytes(std::span(small)), {3, 8, 255, false, window}, {}, image);
  REQUIRE(image.pixels.size() == 9);
  CHECK(image.pixels[0] == 0);
  CHECK(std::abs(int(image.pixels[3]) - want(2570, 255)) <= 1);
  CHECK(image.pixels[8] == 255);
}

TEST_CASE("formats: a header that asks for too much is refused before memory is taken", "[image]") {
  const auto refused = [](std::vector<std::uint8_t> bytes) {
    Image image;
    const std::string reason = try_decode(bytes, image);
    INFO(reason);
    CHECK(reason.starts_with("too large"));
    CHECK(image.pixels.capacity() == 0);
  };
  const auto text = [](std::string_view s) {
    return std::vector<std::uint8_t>(s.begin(), s.end());
  };
  refused(text("P5 20000 20000 255\n"));
  refused(text("P4\n2147483647 2147483647\n"));
  for (const GoldenFile& file : golden_files()) {
    std::vector<std::uint8_t> bytes = file.bytes;
    if (file.name == "bmp 24") {
      bytes[20] = bytes[24] = 1;  // 65536 more each way
      refused(bytes);
    }
    if (file.name == "gif interlace 0") {
      bytes[7] = bytes[9] = 0xFF;  // 65280 more each way
      refused(bytes);
    }
  }
}

}  // namespace sslrun::image
