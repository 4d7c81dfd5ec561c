#include "image/decode.h"
#include "image/orientation.h"
#include "image/png_write.h"
#include "tests/image/encode.h"
#include "tests/support/catch.h"

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

using Bytes = std::vector<std::uint8_t>;

}  // namespace

TEST_CASE("png: RGB comes back exactly, interlaced or not", "[image]") {
  const bool interlaced = GENERATE(false, true);
  const Bytes pixels = gradient(19, 13, 3);
  const auto out = decoded(make_png(pixels, 19, 13, {.interlaced = interlaced}));
  CHECK(out.width == 19);
  CHECK(out.height == 13);
  CHECK(out.channels == 3);
  CHECK(out.pixels == pixels);
}

TEST_CASE("png: gray of 1 and 8 bits becomes RGB", "[image]") {
  CHECK(decoded(make_png({0, 100, 200, 255}, 2, 2, {.color = PNG_COLOR_TYPE_GRAY})).pixels ==
        Bytes{0, 0, 0, 100, 100, 100, 200, 200, 200, 255, 255, 255});
  CHECK(decoded(make_png({0b10100000}, 3, 1, {.color = PNG_COLOR_TYPE_GRAY, .bits = 1})).pixels ==
        Bytes{255, 255, 255, 0, 0, 0, 255, 255, 255});
}

TEST_CASE("png: 16 bits are scaled, not cut", "[image]") {
  // 0x00ff / 65535 * 255 = 0.99 rounds to 1; the high byte alone would be 0.
  const Bytes rows = {0xff, 0xff, 0x00, 0xff, 0x80, 0x80};
  CHECK(decoded(make_png(rows, 1, 1, {.bits = 16})).pixels == Bytes{255, 1, 128});
}

TEST_CASE("png: alpha is composited on white", "[image]") {
  const Bytes rgba = {10, 20, 30, 255, 10, 20, 30, 0, 0, 100, 255, 128};
  CHECK(decoded(make_png(rgba, 3, 1, {.color = PNG_COLOR_TYPE_RGB_ALPHA})).pixels ==
        Bytes{10, 20, 30, 255, 255, 255, 127, 177, 255});
  CHECK(decoded(make_png({40, 0}, 1, 1, {.color = PNG_COLOR_TYPE_GRAY_ALPHA})).pixels ==
        Bytes{255, 255, 255});
}

TEST_CASE("png: a palette is looked up, with its alpha", "[image]") {
  PngOptions options{.color = PNG_COLOR_TYPE_PALETTE, .palette = {{1, 2, 3}, {200, 100, 50}}};
  CHECK(decoded(make_png({1, 0}, 2, 1, options)).pixels == Bytes{200, 100, 50, 1, 2, 3});
  options.palette_alpha = {0, 255};
  CHECK(decoded(make_png({1, 0}, 2, 1, options)).pixels == Bytes{200, 100, 50, 255, 255, 255});
}

TEST_CASE("png: every truncation is refused as one", "[image]") {
  const bool interlaced = GENERATE(false, true);
  const std::string whole = make_png(gradient(19, 13, 3), 19, 13, {.interlaced = interlaced});
  REQUIRE(reason(whole) == "accepted");
  for (std::size_t size = 1; size < whole.size(); ++size) {
    const std::string got = reason(whole.substr(0, size));
    CAPTURE(size, got);
    REQUIRE(got.substr(0, 10) == "truncated:");
  }
}

TEST_CASE("png: any changed bit of the pixels is refused", "[image]") {
  const std::string whole = make_png(gradient(19, 13, 3), 19, 13);
  const std::size_t data = whole.find("IDAT");
  for (std::size_t at = data; at + 12 < whole.size(); ++at) {
    std::string bytes = whole;
    bytes[at] = static_cast<char>(bytes[at] ^ 0x10);
    CAPTURE(at);
    REQUIRE(reason(bytes) != "accepted");
  }
}

TEST_CASE("png: a header above the limit is refused before memory is taken", "[image]") {
  // A true header of 30000 x 30000: the check sum must hold.
  std::string bytes = make_png(Bytes(3750, 0), 30000, 1, {.color = PNG_COLOR_TYPE_GRAY, .bits = 1});
  const auto crc32 = [](const std::string& text) {
    std::uint32_t crc = ~0u;
    for (const char c : text) {
      crc ^= static_cast<std::uint8_t>(c);
      for (int k = 0; k < 8; ++k) crc = crc >> 1 ^ (crc & 1 ? 0xEDB88320u : 0u);
    }
    return ~crc;
  };
  bytes[22] = 0x75;
  bytes[23] = 0x30;
  const std::uint32_t crc = crc32(bytes.substr(12, 17));
  for (int k = 0; k < 4; ++k)
    bytes[static_cast<std::size_t>(29 + k)] = static_cast<char>(crc >> (24 - 8 * k));
  CHECK(reason(bytes) == "too large: 30000 x 30000 pixels, at most 178956970 are read");
}

TEST_CASE("png: the eXIf chunk turns the image upright", "[image]") {
  PngOptions options;
  options.exif = exif_block(6, true);
  const auto out =
      decoded(make_png({1, 1, 1, 2, 2, 2}, 2, 1, options));  // 6: row 0 is the right side
  CHECK(out.width == 1);
  CHECK(out.height == 2);
  CHECK(out.pixels == Bytes{1, 1, 1, 2, 2, 2});
}

TEST_CASE("exif: any cut of the block is read safely", "[image]") {
  const std::string block = exif_block(8, GENERATE(false, true));
  CHECK(image::exif_orientation(std::as_bytes(std::span(block))) == 8);
  for (std::size_t size = 0; size < block.size(); ++size) {
    const std::string cut = block.substr(0, size);
    const int got = image::exif_orientation(std::as_bytes(std::span(cut)));
    CHECK((got == 1 || got == 8));
  }
  std::string far = block;
  far[4] = far[5] = far[6] = far[7] = '\xff';  // the directory lies outside
  CHECK(image::exif_orientation(std::as_bytes(std::span(far))) == 1);
}

TEST_CASE("decode: the content decides, and the reason names what was found", "[image]") {
  CHECK(reason("") == "empty file");
  CHECK(reason("<!DOCTYPE html><html>") == "not an image: html or xml");
  CHECK(reason("GIF89a.....").starts_with("corrupt: "));
  CHECK(reason(std::string("RIFF\0\0\0\0WEBPVP8 ", 16)) ==
        "corrupt: the chunks of the webp make no sense");
  CHECK(reason(std::string(100, '\0')) == "not an image: the file begins with zeros");
  CHECK(reason("hello world, this is text").substr(0, 13) == "not an image:");
}

TEST_CASE("png_write: what is written is read back exactly", "[image]") {
  image::Image in;
  in.reshape(7, 5, 3);
  in.pixels = gradient(7, 5, 3);
  CHECK(decoded(image::encode_png(in)).pixels == in.pixels);
  in.reshape(7, 5, 1);
  in.pixels = gradient(7, 5, 1);
  const auto gray = decoded(image::encode_png(in));
  for (std::size_t i = 0; i < in.pixels.size(); ++i)
    REQUIRE(gray.pixels[3 * i + 1] == in.pixels[i]);
  in.pixels.pop_back();
  CHECK_THROWS(image::encode_png(in));
}
