// crop_resize on the Cpu: bytes against Pillow (tests/golden/resize.json) and, of every instruction
// set, against each other; floats against torch (tests/golden/augment.json).
#include "kernels/augment/crop_resize.h"

#include "base/philox.h"
#include "kernels/augment/unit_core.h"
#include "kernels/simd.h"
#include "tests/support/catch.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <string>
#include <vector>

namespace sslrun::kernels {
namespace {

using nlohmann::json;
using Bytes = std::vector<std::uint8_t>;

json golden(const std::string& name) {
  std::ifstream stream(SSLRUN_TEST_DIR "/golden/" + name);
  return json::parse(stream);
}

// As resize.py makes it.
Bytes picture_of(std::uint32_t height, std::uint32_t width, std::uint32_t channels) {
  Bytes out;
  for (std::uint32_t y = 0; y < height; ++y)
    for (std::uint32_t x = 0; x < width; ++x)
      for (std::uint32_t c = 0; c < channels; ++c) {
        const std::uint32_t noise = ((x * 2654435761u) ^ (y * 40503u * (c + 1))) >> 7 & 31;
        out.push_back(static_cast<std::uint8_t>(((x * x * 3 + y * y * 5) >> 6) + c * 71 + noise));
      }
  return out;
}

std::string hash_of(const Bytes& bytes) {
  std::uint64_t value = 0xcbf29ce484222325;
  for (const std::uint8_t byte : bytes) value = (value ^ byte) * 0x100000001b3;
  return fmt::format("{:016x}", value);
}

struct Case {
  std::int64_t rows, columns, top, left, height, width, out_height, out_width, channels;
  ResizeFilter filter;
  bool flip;
};

// The picture ends where it does: a pass that reads on is seen by AddressSanitizer.
Bytes resized(const Case& c, const Bytes& picture) {
  const std::int64_t size = c.channels * c.out_height * c.out_width;
  Bytes out(static_cast<std::size_t>(size + 1), 77);
  const ByteCropView view{
      picture.data(), c.columns, c.left, c.top, c.width, c.height, c.flip, out.data()};
  crop_resize({&view, 1, c.out_height, c.out_width, c.filter, c.channels}, Cpu{});
  CHECK(out.back() == 77);
  out.pop_back();
  return out;
}

std::vector<Simd> available() {
  std::vector<Simd> sets{Simd::kPortable};
  if (widest_simd() >= Simd::kAvx2) sets.push_back(Simd::kAvx2);
  if (widest_simd() >= Simd::kAvx512) sets.push_back(Simd::kAvx512);
  return sets;
}

// Puts the widest back at the end of a test.
struct UseSimd {
  explicit UseSimd(Simd simd) { simd_in_use() = simd; }

  ~UseSimd() { simd_in_use() = widest_simd(); }

  UseSimd(const UseSimd&) = delete;
  UseSimd& operator=(const UseSimd&) = delete;
};

ResizeFilter filter_named(const std::string& name) {
  return name == "bicubic" ? ResizeFilter::kBicubic : ResizeFilter::kBilinear;
}

TEST_CASE("crop_resize: every byte equals Pillow's, with every instruction set",
          "[kernels][augment]") {
  static const json cases = golden("resize.json");
  for (const Simd simd : available()) {
    const UseSimd use(simd);
    for (const json& g : cases) {
      const Case c{g["rows"],
                   g["columns"],
                   g["top"],
                   g["left"],
                   g["height"],
                   g["width"],
                   g["out_height"],
                   g["out_width"],
                   g["channels"],
                   filter_named(g["mode"]),
                   false};
      CAPTURE(int(simd), g.dump());
      const Bytes got = resized(c,
                                picture_of(static_cast<std::uint32_t>(c.rows),
                                           static_cast<std::uint32_t>(c.columns),
                                           static_cast<std::uint32_t>(c.channels)));
      if (g.contains("bytes")) CHECK(got == g["bytes"].get<Bytes>());
      REQUIRE(hash_of(got) == g["hash"].get<std::string>());
    }
  }
}

TEST_CASE("crop_resize: instruction sets agree on random crops", "[kernels][augment]") {
  Rng rng(1, Purpose::kProbe, 0, 0, 0);
  for (int i = 0; i < 400; ++i) {
    Case c{};
    c.rows = 1 + rng.below(90), c.columns = 1 + rng.below(90);
    c.height = 1 + rng.below(c.rows), c.width = 1 + rng.below(c.columns);
    c.top = rng.below(c.rows - c.height + 1), c.left = rng.below(c.columns - c.width + 1);
    c.out_height = 1 + rng.below(70), c.out_width = 1 + rng.below(70);
    c.channels = i % 3 == 0 ? 1 + rng.below(5) : 3;
    c.filter = i % 2 == 0 ? ResizeFilter::kBilinear : ResizeFilter::kBicubic;
    c.flip = rng.below(2) == 0;
    Bytes picture(static_cast<std::size_t>(c.rows * c.columns * c.channels));
    for (std::uint8_t& b : picture) b = static_cast<std::uint8_t>(rng.below(256));
    Bytes want;
    for (const Simd simd : available()) {
      const UseSimd use(simd);
      const Bytes got = resized(c, picture);
      if (want.empty()) want = got;
      CAPTURE(i, int(simd), c.height, c.width, c.out_height, c.out_width, c.channels);
      REQUIRE(got == want);
    }
  }
}

TEST_CASE("crop_resize: a flipped view is the mirrored view; a channel minds no other",
          "[kernels][augment]") {
  for (const std::int64_t channels : {1, 2, 3, 4, 7}) {
    Case c{40, 50, 3, 5, 33, 41, 21, 19, channels, ResizeFilter::kBicubic, false};
    const Bytes picture = picture_of(40, 50, static_cast<std::uint32_t>(channels));
    const Bytes plain = resized(c, picture);
    c.flip = true;
    Bytes mirrored = resized(c, picture);
    for (auto row = mirrored.begin(); row != mirrored.end(); row += c.out_width)
      std::reverse(row, row + c.out_width);
    CHECK(mirrored == plain);
    for (std::int64_t k = 0; k < channels; ++k) {
      Bytes one;
      for (std::int64_t i = k; i < std::int64_t(picture.size()); i += channels)
        one.push_back(picture[static_cast<std::size_t>(i)]);
      Case single = c;
      single.channels = 1, single.flip = false;
      const std::int64_t plane = c.out_height * c.out_width;
      CHECK(resized(single, one) ==
            Bytes(plain.begin() + k * plane, plain.begin() + (k + 1) * plane));
    }
  }
}

// Largest difference from torch's antialiased interpolation in float64, on the scale of [0, 1].
struct Differences {
  double bilinear = 0, bicubic = 0, wide = 0;
};

Differences from_torch() {
  Differences worst;
  const json file = golden("augment.json");
  const Bytes picture = file["source"]["pixels_hwc"];
  std::vector<std::uint16_t> words;
  for (const std::uint8_t b : picture) words.push_back(static_cast<std::uint16_t>(b * 257));
  for (const json& g : file["crop_resize"]) {
    const Case c{29,
                 37,
                 g["top"],
                 g["left"],
                 g["height"],
                 g["width"],
                 g["out_height"],
                 g["out_width"],
                 3,
                 filter_named(g["mode"]),
                 g["flip"]};
    const Bytes got = resized(c, picture);
    const auto want = g["pixels"].get<std::vector<double>>();
    std::vector<float> wide(got.size(), NAN);
    const WideCropView view{
        words.data(), c.columns, c.left, c.top, c.width, c.height, c.flip, wide.data()};
    crop_resize({&view, 1, c.out_height, c.out_width, c.filter, c.channels}, Cpu{});
    double& bytes = c.filter == ResizeFilter::kBicubic ? worst.bicubic : worst.bilinear;
    for (std::size_t i = 0; i < got.size(); ++i) {
      bytes = std::max(bytes, std::abs(byte_to_unit(got[i]) - want[i]));
      const double error = std::abs(static_cast<double>(wide[i]) - want[i]);
      if (!(error <= worst.wide)) worst.wide = error;  // a NaN stays
    }
  }
  return worst;
}

// Rounding to a byte after each pass moves a bilinear value by half a level twice, a cubic one by
// more, as its weights' magnitudes sum to 1.27 and what overshoots is cut after the first pass too.
TEST_CASE("crop_resize: equals torch's interpolation up to the rounding to bytes",
          "[kernels][augment]") {
  const Differences worst = from_torch();
  CAPTURE(worst.bilinear * 255, worst.bicubic * 255, worst.wide);
  CHECK(worst.bilinear <= 1.0 / 255);
  CHECK(worst.bicubic <= 10.0 / 255);
  CHECK(worst.wide <= 4 * 3.0e-7);
}

TEST_CASE("byte_to_unit: is the byte divided by 255, correctly rounded", "[kernels][augment]") {
  for (int b = 0; b < 256; ++b)
    CHECK(byte_to_unit(static_cast<std::uint8_t>(b)) == static_cast<float>(b) / 255.0f);
}

// Channels of 16 bits, interleaved: each is what it is alone.
TEST_CASE("crop_resize: 16 bits of any number of channels", "[kernels][augment]") {
  for (const std::int64_t channels : {1, 2, 5}) {
    const Bytes bytes = picture_of(23, 31, static_cast<std::uint32_t>(channels));
    std::vector<std::uint16_t> words;
    for (const std::uint8_t b : bytes) words.push_back(static_cast<std::uint16_t>(b * 256 + 3));
    const auto run = [&](const std::uint16_t* from, std::int64_t count) {
      std::vector<float> out(static_cast<std::size_t>(count * 9 * 40), NAN);
      const WideCropView view{from, 31, 2, 1, 27, 20, true, out.data()};
      crop_resize({&view, 1, 9, 40, ResizeFilter::kBicubic, count}, Cpu{});
      return out;
    };
    const std::vector<float> all = run(words.data(), channels);
    for (std::int64_t k = 0; k < channels; ++k) {
      std::vector<std::uint16_t> one;
      for (std::int64_t i = k; i < std::int64_t(words.size()); i += channels)
        one.push_back(words[static_cast<std::size_t>(i)]);
      CHECK(run(one.data(), 1) ==
            std::vector<float>(all.begin() + k * 360, all.begin() + (k + 1) * 360));
    }
  }
}

}  // namespace
}  // namespace sslrun::kernels
