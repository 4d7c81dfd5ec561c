#include "data/cache.h"

#include "base/philox.h"
#include "data/loader.h"
#include "data/reduce.h"
#include "image/decode.h"
#include "image/png_write.h"
#include "tests/image/encode.h"
#include "tests/support/catch.h"

#include <algorithm>
#include <atomic>
#include <cstring>
#include <set>
#include <thread>

using namespace sslrun;

namespace {

constexpr std::int64_t kHead = 32,
                       kIndexEntry = 8;  // what cache.h says that keeping an image takes

std::int64_t rounded(std::int64_t bytes) {
  return (bytes + kHead - 1) / kHead * kHead;
}

image::Image noise(std::int64_t width, std::int64_t height, std::uint32_t number) {
  image::Image image;
  image.reshape(width, height, 3);
  Rng rng(7, Purpose::kProbe, 0, number, 0);
  for (std::uint8_t& byte : image.pixels) byte = static_cast<std::uint8_t>(rng.below(256));
  return image;
}

// PNG and JPEG files of several sizes in memory; it counts what is asked of it.
class Files final : public data::Source {
 public:
  explicit Files(std::int64_t n, std::set<std::int64_t> damaged = {}) {
    for (std::int64_t i = 0; i < n; ++i) {
      const image::Image image =
          noise(20 + 3 * (i % 7), 16 + 5 * (i % 4), static_cast<std::uint32_t>(i));
      pixel_bytes += rounded(static_cast<std::int64_t>(image.pixels.size()));
      files_.push_back(i % 2 == 0 ? image::encode_png(image)
                                  : test::make_jpeg(image.pixels,
                                                    static_cast<int>(image.width),
                                                    static_cast<int>(image.height)));
      file_bytes += rounded(static_cast<std::int64_t>(files_.back().size()));
      if (damaged.contains(i)) files_.back().resize(files_.back().size() / 2);
    }
  }

  std::int64_t size() const override { return static_cast<std::int64_t>(files_.size()); }

  std::string name(std::int64_t i) const override { return std::to_string(i); }

  bool read_file(std::int64_t i, std::vector<std::byte>& bytes) const override {
    ++reads;
    const auto file = std::as_bytes(std::span(files_[static_cast<std::size_t>(i)]));
    bytes.assign(file.begin(), file.end());
    return true;
  }

  void decode(std::int64_t,
              std::span<const std::byte> bytes,
              const image::Wanted& wanted,
              image::Image& out) const override {
    ++decodes;
    image::decode(bytes, {}, wanted, out);
  }

  std::span<const std::int64_t> labels() const override { return {}; }

  std::vector<std::string> class_names() const override { return {}; }

  std::string fingerprint() const override { return "files"; }

  std::int64_t file_bytes = 0, pixel_bytes = 0;  // of all images, each rounded as the cache does
  mutable std::atomic<std::int64_t> reads = 0, decodes = 0;

 private:
  std::vector<std::string> files_;
};

// One view: the middle third of another part of the image in each epoch, as 6 x 5 pixels.
class PartWork final : public data::SampleWork {
 public:
  static constexpr std::int64_t kHeight = 5, kWidth = 6;

  std::vector<data::ViewSize> view_sizes() const override {
    return {{.floats = kHeight * kWidth * 3}};
  }

  image::Box wanted(std::int64_t height,
                    std::int64_t width,
                    std::int64_t epoch,
                    std::int64_t sample) const override {
    Rng rng(3,
            Purpose::kView,
            static_cast<std::uint32_t>(epoch),
            static_cast<std::uint32_t>(sample),
            0);
    const std::int64_t top = rng.below(height - kHeight + 1);
    return {top, rng.below(width - kWidth + 1), kHeight, kWidth};
  }

  void run(const image::Image& image,
           std::int64_t epoch,
           std::int64_t sample,
           std::int64_t slot,
           data::Batch& batch) override {
    const image::Box box = wanted(image.whole_height, image.whole_width, epoch, sample);
    float* out = batch.views[0].data() + slot * kHeight * kWidth * 3;
    for (std::int64_t y = 0; y < kHeight; ++y) {
      const std::int64_t at = (box.top - image.top + y) * image.width + box.left - image.left;
      for (std::int64_t k = 0; k < kWidth * 3; ++k)
        *out++ = image.pixels.at(static_cast<std::size_t>(3 * at + k));
    }
  }
};

struct Run {
  std::vector<std::vector<float>> views;
  std::vector<std::vector<std::int64_t>> samples;

  bool operator==(const Run&) const = default;
};

// Steps [start, 18) of three epochs of 6 steps.
Run run(const data::Source& source, std::int64_t threads, std::int64_t start = 0) {
  const data::Sampler sampler(5, source.size(), 8);
  PartWork work;
  data::Loader loader(
      source, sampler, work, {.threads = threads, .start_step = start, .end_step = 18});
  Run out;
  for (std::int64_t k = start; k < 18; ++k) {
    const data::Batch& batch = loader.next();
    out.views.emplace_back(batch.views[0].begin(), batch.views[0].end());
    out.samples.push_back(batch.samples);
  }
  return out;
}

Run from_step(const Run& whole, std::int64_t start) {
  return {{whole.views.begin() + start, whole.views.end()},
          {whole.samples.begin() + start, whole.samples.end()}};
}

}  // namespace

TEST_CASE("cache: batches are those without it, whatever the budget and threads", "[data][cache]") {
  const Files plain(48), inner(48);
  const Run want = run(plain, 1);
  const auto keep = GENERATE(data::Keep::kFiles, data::Keep::kPixels);
  const auto share = GENERATE(0.0, 0.001, 0.3, 1.1);
  const auto threads = static_cast<std::int64_t>(GENERATE(1, 3));
  const double all = static_cast<double>(std::max(inner.file_bytes, inner.pixel_bytes) + 48 * 40);
  const data::CachedSource cache(
      inner, {.keep = keep, .max_bytes = static_cast<std::int64_t>(share * all)});
  CHECK(run(cache, threads) == want);
  const data::CacheUse use = cache.use();
  CHECK(use.images + use.refused == 48);
  CHECK((use.refused == 0) == (share > 1));
  CHECK((use.images == 0) == (share < 0.01));
  if (share > 1) {  // each file is read once in three epochs, each image decoded once or always
    CHECK(inner.reads >= 48);
    CHECK(inner.reads <= (threads == 1 ? 48 : 3 * 48));
    if (threads == 1) CHECK(inner.decodes == (keep == data::Keep::kPixels ? 48 : 3 * 48));
  }
}

TEST_CASE("cache: reduced images are the same for any budget and on a resume", "[data][cache]") {
  const Files inner(48);
  const data::CachedSource all(
      inner, {.keep = data::Keep::kPixels, .max_bytes = 1 << 20, .short_side = 18});
  const Run want = run(all, 1);
  CHECK(all.use().refused == 0);
  const auto budget = static_cast<std::int64_t>(GENERATE(0, 20000));
  const auto start = static_cast<std::int64_t>(GENERATE(0, 7));
  const data::CachedSource part(
      inner, {.keep = data::Keep::kPixels, .max_bytes = budget, .short_side = 18});
  CHECK(run(part, 3, start) == from_step(want, start));
  CHECK(part.use().refused > 0);
  image::Image image;
  for (std::int64_t i = 0; i < 48; ++i) {
    part.read(i, image);
    CHECK(std::min(image.width, image.height) <= 18);
  }
}

TEST_CASE("cache: the budget is kept to the byte, heads and index included", "[data][cache]") {
  const Files inner(40);
  const auto keep = GENERATE(data::Keep::kFiles, data::Keep::kPixels);
  const std::int64_t images = keep == data::Keep::kFiles ? inner.file_bytes : inner.pixel_bytes;
  const std::int64_t exact = images + 40 * (kHead + kIndexEntry);
  const auto fill = [&](std::int64_t budget) {
    const data::CachedSource cache(inner, {.keep = keep, .max_bytes = budget});
    image::Image image;
    for (std::int64_t i = 0; i < 40; ++i) cache.read(i, image);
    CHECK(cache.use().bytes <= std::max(budget, 40 * kIndexEntry));
    return cache.use();
  };
  CHECK(fill(exact).images == 40);
  CHECK(fill(exact).bytes == exact);
  CHECK(fill(exact - 1).refused >= 1);
  for (const std::int64_t budget : {std::int64_t{0}, exact / 10, exact / 2, 3 * exact})
    fill(budget);
}

TEST_CASE("cache: a damaged file is bad each time, with any budget", "[data][cache]") {
  const Files inner(4, {2});
  const auto keep = GENERATE(data::Keep::kFiles, data::Keep::kPixels);
  const data::CachedSource cache(inner, {.keep = keep, .max_bytes = 1 << 20});
  image::Image image;
  const auto corner = [](std::int64_t, std::int64_t) { return image::Box{0, 0, 1, 1}; };
  for (int k = 0; k < 3; ++k) CHECK_THROWS_AS(cache.read(2, image, corner), image::BadImage);
  cache.read(1, image);
  CHECK(image.width == 23);
}

TEST_CASE("cache: many threads read one image at the same time", "[data][cache]") {
  const Files inner(2);
  const auto keep = GENERATE(data::Keep::kFiles, data::Keep::kPixels);
  const data::CachedSource cache(inner, {.keep = keep, .max_bytes = 1 << 20});
  image::Image want;
  inner.read(1, want);
  std::atomic<int> wrong = 0, ready = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([&] {
      image::Image got;
      ++ready;
      while (ready < 8) std::this_thread::yield();
      for (int k = 0; k < 20; ++k) {
        cache.read(1, got);
        wrong += got.pixels == want.pixels ? 0 : 1;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(wrong == 0);
  CHECK(cache.use().images == 1);
}

TEST_CASE("reduce: the triangle filter of twice the width, rounded; small images stay", "[data]") {
  image::Image image = noise(40, 24, 1);
  const image::Image whole = image;
  data::reduce(image, 24);
  CHECK(image.pixels == whole.pixels);
  data::reduce(image, 12);
  REQUIRE((image.width == 20 && image.height == 12));
  CHECK((image.whole_width == 20 && image.whole_height == 12));
  // Halving: each axis weighs four neighbours 1, 3, 3, 1 eighths. Each of the two passes rounds to
  // whole levels and takes its weights to 22 bits: at most 0.5 each and a little.
  const double weights[4] = {0.125, 0.375, 0.375, 0.125};
  for (std::int64_t y = 1; y < 11; ++y) {
    for (std::int64_t x = 1; x < 19; ++x) {
      double sum = 0;
      for (std::int64_t j = 0; j < 4; ++j) {
        for (std::int64_t i = 0; i < 4; ++i)
          sum += weights[j] * weights[i] *
                 whole.pixels[static_cast<std::size_t>(((2 * y - 1 + j) * 40 + 2 * x - 1 + i) * 3)];
      }
      CHECK(std::abs(image.pixels[static_cast<std::size_t>((y * 20 + x) * 3)] - sum) <= 1.01);
    }
  }
}

TEST_CASE("reduce: 16 bits stay 16, and the long side is cut off, not rounded", "[data]") {
  image::Image image;
  image.reshape(33, 20, 1, 16);
  for (std::size_t k = 0; k < image.pixels.size(); k += 2) {
    const std::uint16_t value = 40000;
    std::memcpy(image.pixels.data() + k, &value, 2);
  }
  data::reduce(image, 10);
  REQUIRE((image.width == 16 && image.height == 10 && image.bits == 16));
  for (std::size_t k = 0; k < image.pixels.size(); k += 2) {
    std::uint16_t value = 0;
    std::memcpy(&value, image.pixels.data() + k, 2);
    CHECK(std::abs(value - 40000) <= 1);  // float32: 24 bits
  }
}
