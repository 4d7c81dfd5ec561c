// Every format against files of other encoders (tests/golden/formats.py), and damaged files of all.
#include "base/philox.h"
#include "image/decode.h"
#include "tests/support/catch.h"

#include <nlohmann/json.hpp>

#include <algorithm>
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

TEST_CASE("formats: 6000 mutated files end as a picture or as a bad image", "[image]") {
  const std::vector<GoldenFile> files = golden_files();
  std::int64_t pictures = 0, refused = 0;
  for (std::uint32_t i = 0; i < 6000; ++i) {
    std::vector<std::uint8_t> bytes = files[i % files.size()].bytes;
    Rng rng(1, Purpose::kInit, 0, i, 0);
    const std::uint32_t changes = 1 + rng.next() % 8;
    for (std::uint32_t c = 0; c < changes && !bytes.empty(); ++c) {
      // Half of them in the first 64 bytes, where the headers are.
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
    Image image;
    (try_decode(bytes, image).empty() ? pictures : refused) += 1;
  }
  CHECK(pictures > 500);  // the mutations reach the pixels, and the headers
  CHECK(refused > 500);
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
