#include "data/synthetic.h"

#include "base/error.h"
#include "tests/support/catch.h"

#include <cmath>
#include <string>
#include <vector>

using namespace sslrun;
using data::open_source;
using data::Split;

namespace {

image::Image read(const data::Source& source, std::int64_t i) {
  image::Image out;
  source.read(i, out);
  return out;
}

}  // namespace

TEST_CASE("synthetic: COUNTxSIDE, with defaults", "[data]") {
  CHECK(open_source("synthetic", "auto", Split::kTrain)->size() == 10000);
  const auto source = open_source("synthetic:7", "synthetic", Split::kTrain);
  CHECK(source->size() == 7);
  CHECK(read(*source, 6).width == 96);
  CHECK(read(*open_source("synthetic:7x40", "auto", Split::kTrain), 6).height == 40);
  CHECK(source->class_names().size() == 10);
  for (const char* wrong : {"synthetic:",
                            "synthetic:0",
                            "synthetic:7x",
                            "synthetic:7x7",
                            "synthetic:x9",
                            "synthetic:7x4097",
                            "synthetic:-7",
                            "synthetic:7x40x3",
                            "synthetic:2147483648"})
    CHECK_THROWS_AS(open_source(wrong, "auto", Split::kTrain), DataError);
  CHECK_THROWS_AS(open_source("photos", "synthetic", Split::kTrain), DataError);
  CHECK_FALSE(data::is_synthetic("synthetically"));
}

TEST_CASE("synthetic: an image depends on its number, the side and the half alone", "[data]") {
  const auto few = open_source("synthetic:20x32", "auto", Split::kTrain);
  const auto many = open_source("synthetic:50x32", "auto", Split::kTrain);
  const auto test = open_source("synthetic:20x32", "auto", Split::kTest);
  for (std::int64_t i = 0; i < 20; ++i) {
    CHECK(read(*few, i).pixels == read(*many, i).pixels);
    CHECK(read(*few, i).pixels != read(*test, i).pixels);
    CHECK(few->labels()[static_cast<std::size_t>(i)] == i % 10);
  }
  CHECK(read(*few, 0).pixels != read(*few, 10).pixels);
  CHECK(few->fingerprint() != test->fingerprint());
  CHECK(few->fingerprint() != many->fingerprint());
}

TEST_CASE("synthetic: every image shows something, within the format asked for", "[data]") {
  const auto source =
      open_source("synthetic:40x48", "auto", Split::kTrain, {.channels = 1, .bits = 16});
  for (std::int64_t i = 0; i < 40; ++i) {
    const image::Image image = read(*source, i);
    REQUIRE(image.pixels.size() == 48 * 48 * 2);
    double sum = 0, squares = 0;
    for (std::size_t k = 1; k < image.pixels.size(); k += 2) {
      sum += image.pixels[k];
      squares += image.pixels[k] * image.pixels[k];
    }
    const double mean = sum / (48 * 48);
    CHECK(std::sqrt(squares / (48 * 48) - mean * mean) > 4);  // the grain alone: 12 / sqrt(3)
  }
}
