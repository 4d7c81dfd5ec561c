#include "data/loader.h"

#include "base/error.h"
#include "image/decode.h"
#include "tests/support/catch.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <memory>
#include <memory_resource>
#include <set>
#include <stdexcept>
#include <thread>

using namespace sslrun;

namespace {

// n images of one pixel that holds the image's number; some bad, one that breaks the source.
class NumberSource final : public data::Source {
 public:
  explicit NumberSource(std::int64_t n, std::set<std::int64_t> bad = {})
      : n_(n), bad_(std::move(bad)) {
    for (std::int64_t i = 0; i < n; ++i) labels_.push_back(i % 7);
  }

  std::int64_t size() const override { return n_; }

  std::string name(std::int64_t i) const override { return "image " + std::to_string(i); }

  void decode(std::int64_t i,
              std::span<const std::byte>,
              const image::Wanted&,
              image::Image& out) const override {
    ++reads;
    if (i % 3 == 0) std::this_thread::sleep_for(std::chrono::microseconds(50 + delay_us));
    if (i == broken) throw DataError("the disk is gone");
    if (bad_.contains(i)) throw image::BadImage("truncated: for the test");
    out.reshape(1, 1, 3);
    out.pixels = {static_cast<std::uint8_t>(i), static_cast<std::uint8_t>(i >> 8), 0};
  }

  std::span<const std::int64_t> labels() const override { return labels_; }

  std::vector<std::string> class_names() const override { return std::vector<std::string>(7, "x"); }

  std::string fingerprint() const override { return "numbers"; }

  std::int64_t broken = -1;
  std::int64_t delay_us = 0;
  mutable std::atomic<std::int64_t> reads = 0;

 private:
  std::int64_t n_;
  std::set<std::int64_t> bad_;
  std::vector<std::int64_t> labels_;
};

// Two views: {image, key} and {epoch}; the second has three targets, counted from the key.
class NumberWork final : public data::SampleWork {
 public:
  std::vector<data::ViewSize> view_sizes() const override { return {{2, 0}, {1, 3}}; }

  image::Box wanted(std::int64_t height,
                    std::int64_t width,
                    std::int64_t,
                    std::int64_t) const override {
    return {0, 0, height, width};
  }

  void run(const image::Image& image,
           std::int64_t epoch,
           std::int64_t sample,
           std::int64_t slot,
           data::Batch& batch) override {
    const auto at = static_cast<std::size_t>(slot);
    batch.views[0][2 * at] = static_cast<float>(image.pixels[0] + 256 * image.pixels[1]);
    batch.views[0][2 * at + 1] = static_cast<float>(sample);
    batch.views[1][at] = static_cast<float>(epoch);
    for (std::size_t i = 0; i < 3; ++i)
      batch.targets[1][3 * at + i] = sample + static_cast<std::int64_t>(i);
  }
};

// Sleeps for a known time in each stage.
class SlowSource final : public data::Source {
 public:
  explicit SlowSource(std::int64_t n) : n_(n) {}

  std::int64_t size() const override { return n_; }

  std::string name(std::int64_t i) const override { return std::to_string(i); }

  bool read_file(std::int64_t, std::vector<std::byte>& bytes) const override {
    std::this_thread::sleep_for(std::chrono::microseconds(200));
    bytes.resize(7);
    return true;
  }

  void decode(std::int64_t,
              std::span<const std::byte>,
              const image::Wanted&,
              image::Image& out) const override {
    std::this_thread::sleep_for(std::chrono::microseconds(400));
    out.reshape(1, 1, 3);
  }

  std::span<const std::int64_t> labels() const override { return {}; }

  std::vector<std::string> class_names() const override { return {}; }

  std::string fingerprint() const override { return "slow"; }

 private:
  std::int64_t n_;
};

class SlowWork final : public data::SampleWork {
 public:
  std::vector<data::ViewSize> view_sizes() const override { return {{.floats = 1}}; }

  image::Box wanted(std::int64_t height,
                    std::int64_t width,
                    std::int64_t,
                    std::int64_t) const override {
    return {0, 0, height, width};
  }

  void run(const image::Image&, std::int64_t, std::int64_t, std::int64_t, data::Batch&) override {
    std::this_thread::sleep_for(std::chrono::microseconds(100));
  }
};

// Ordinary memory that counts what is out.
class CountedMemory final : public std::pmr::memory_resource {
 public:
  std::int64_t bytes = 0, calls = 0;

 private:
  void* do_allocate(std::size_t size, std::size_t alignment) override {
    bytes += static_cast<std::int64_t>(size);
    ++calls;
    return std::pmr::new_delete_resource()->allocate(size, alignment);
  }

  void do_deallocate(void* memory, std::size_t size, std::size_t alignment) override {
    bytes -= static_cast<std::int64_t>(size);
    std::pmr::new_delete_resource()->deallocate(memory, size, alignment);
  }

  bool do_is_equal(const std::pmr::memory_resource& other) const noexcept override {
    return this == &other;
  }
};

struct Run {
  std::vector<data::Batch> batches;
  std::vector<std::int64_t> bad;
  std::int64_t num_replaced = 0;
};

Run run(const NumberSource& source,
        data::LoaderOptions options,
        std::int64_t steps,
        std::int64_t batch = 16) {
  const data::Sampler sampler(5, source.size(), batch);
  NumberWork work;
  data::Loader loader(source, sampler, work, options);
  Run result;
  for (std::int64_t k = 0; k < steps; ++k) result.batches.push_back(loader.next());
  for (const auto& bad : loader.bad_samples()) result.bad.push_back(bad.sample);
  result.num_replaced = loader.num_replaced();
  return result;
}

bool same(const data::Batch& a, const data::Batch& b) {
  return a.epoch == b.epoch && a.step == b.step && a.views == b.views && a.targets == b.targets &&
         a.samples == b.samples && a.labels == b.labels && a.num_replaced == b.num_replaced;
}

const std::set<std::int64_t> kBad = {0, 3, 17, 50, 51, 52, 98};

}  // namespace

TEST_CASE("sampler: an epoch takes each image at most once, epochs differ", "[data]") {
  const data::Sampler sampler(1, 103, 10);
  REQUIRE(sampler.steps_per_epoch() == 10);
  std::set<std::int64_t> seen;
  bool differs = false;
  for (std::int64_t step = 0; step < 10; ++step) {
    for (std::int64_t slot = 0; slot < 10; ++slot) {
      const std::int64_t sample = sampler.sample(0, step, slot);
      CHECK((sample >= 0 && sample < 103));
      seen.insert(sample);
      differs = differs || sample != sampler.sample(1, step, slot);
    }
  }
  CHECK(seen.size() == 100);
  CHECK(differs);
  CHECK_THROWS_AS(data::Sampler(1, 9, 10), DataError);
}

TEST_CASE("loader: the content depends on neither threads nor prefetch", "[data]") {
  const NumberSource source(100, kBad);
  const Run want = run(source, {.threads = 1, .prefetch = 2}, 20);
  const std::int64_t threads = GENERATE(2, 3, 8);
  const std::int64_t prefetch = GENERATE(2, 5);
  const Run got = run(source, {.threads = threads, .prefetch = prefetch}, 20);
  for (std::size_t k = 0; k < 20; ++k) CHECK(same(got.batches[k], want.batches[k]));
  CHECK(got.bad == want.bad);
  CHECK(got.num_replaced == want.num_replaced);
}

TEST_CASE("loader: starting at a later step delivers the same batches", "[data]") {
  const NumberSource source(100, kBad);
  const Run want = run(source, {.threads = 2}, 20);
  const std::int64_t start = GENERATE(1, 6, 7, 13);  // 6 steps are an epoch
  const Run got = run(source, {.threads = 3, .start_step = start}, 20 - start);
  for (std::size_t k = 0; k < got.batches.size(); ++k) {
    CHECK(same(got.batches[k], want.batches[k + static_cast<std::size_t>(start)]));
  }
}

TEST_CASE("loader: each batch holds the sampler's images, their labels and epoch", "[data]") {
  const NumberSource source(100);
  const data::Sampler sampler(5, 100, 16);
  const Run got = run(source, {.threads = 4}, 13);
  for (std::int64_t k = 0; k < 13; ++k) {
    const data::Batch& batch = got.batches[static_cast<std::size_t>(k)];
    CHECK(batch.step == k);
    CHECK(batch.epoch == k / 6);
    for (std::size_t slot = 0; slot < 16; ++slot) {
      const std::int64_t want = sampler.sample(k / 6, k % 6, static_cast<std::int64_t>(slot));
      CHECK(batch.samples[slot] == want);
      CHECK(batch.labels[slot] == want % 7);
      CHECK(batch.views[0][2 * slot] == static_cast<float>(want));
      CHECK(batch.views[1][slot] == static_cast<float>(k / 6));
      CHECK(batch.targets[0].empty());
      CHECK(batch.targets[1][3 * slot + 2] == want + 2);
    }
  }
  CHECK(got.num_replaced == 0);
}

TEST_CASE("loader: the ranks' slices of each micro-batch are that micro-batch", "[data]") {
  const std::int64_t ranks = GENERATE(1, 2, 4), parts = GENERATE(1, 2, 4);
  const NumberSource source(100, kBad);
  const Run whole = run(source, {.threads = 2}, 8);
  std::vector<Run> slices;
  for (std::int64_t r = 0; r < ranks; ++r) {
    slices.push_back(
        run(source, {.threads = 2, .rank = r, .ranks = ranks, .micro_batches = parts}, 8));
  }
  const std::int64_t share = 16 / ranks / parts;
  for (std::size_t k = 0; k < 8; ++k) {
    std::vector<std::int64_t> joined;
    for (std::int64_t m = 0; m < parts; ++m) {
      for (const Run& slice : slices) {
        const auto first = slice.batches[k].samples.begin() + m * share;
        joined.insert(joined.end(), first, first + share);
      }
    }
    CHECK(joined == whole.batches[k].samples);
  }
}

TEST_CASE("loader: bad images are replaced, counted and listed once", "[data]") {
  const NumberSource source(96, {0, 3, 17, 50, 51, 52, 95});
  const data::Sampler sampler(5, 96, 16);
  const std::set<std::int64_t> bad = {0, 3, 17, 50, 51, 52, 95};
  const Run got = run(source, {.threads = 4}, 12);  // two whole epochs: every image planned twice
  CHECK(got.num_replaced == 14);
  CHECK(std::set<std::int64_t>(got.bad.begin(), got.bad.end()) == bad);
  CHECK(got.bad.size() == bad.size());
  for (const data::Batch& batch : got.batches) {
    for (std::size_t slot = 0; slot < 16; ++slot) {
      CHECK(!bad.contains(batch.samples[slot]));
      CHECK(batch.views[0][2 * slot] == static_cast<float>(batch.samples[slot]));
      CHECK(batch.labels[slot] == batch.samples[slot] % 7);
      const auto planned =
          sampler.sample(batch.epoch, batch.step % 6, static_cast<std::int64_t>(slot));
      CHECK(batch.views[0][2 * slot + 1] == static_cast<float>(planned));
    }
  }
}

TEST_CASE("loader: a bad image is read once, not once an epoch", "[data]") {
  const NumberSource source(16, {4});
  run(source, {.threads = 1, .end_step = 10}, 10);
  CHECK(source.reads == 10 * 16 + 1);
}

TEST_CASE("loader: what was bad before a stop stays replaced, and is not read", "[data]") {
  const NumberSource damaged(100, kBad);
  const Run whole = run(damaged, {.threads = 2}, 20);
  std::vector<data::BadSample> known;
  for (const std::int64_t sample : kBad) known.push_back({sample, "x", "truncated: before"});
  const NumberSource repaired(100);
  const Run resumed = run(repaired, {.threads = 3, .start_step = 8, .known_bad = known}, 12);
  for (std::size_t k = 0; k < 12; ++k) CHECK(same(resumed.batches[k], whole.batches[k + 8]));
  CHECK(resumed.bad == std::vector<std::int64_t>(kBad.begin(), kBad.end()));
}

TEST_CASE("loader: nothing but bad images is an error, not an endless search", "[data]") {
  std::set<std::int64_t> all;
  for (std::int64_t i = 0; i < 32; ++i) all.insert(i);
  const NumberSource source(32, all);
  CHECK_THROWS_AS(run(source, {.threads = 3}, 1), DataError);
}

TEST_CASE("loader: what a thread throws arrives at its step, each time", "[data]") {
  NumberSource source(96);
  const data::Sampler sampler(5, 96, 16);
  source.broken = sampler.sample(0, 3, 11);
  NumberWork work;
  data::Loader loader(
      source, sampler, work, {.threads = static_cast<std::int64_t>(GENERATE(1, 4))});
  for (int k = 0; k < 3; ++k) loader.next();
  CHECK_THROWS_WITH(loader.next(), "the disk is gone");
  CHECK_THROWS_AS(loader.next(), DataError);
}

TEST_CASE("loader: a batch stays as it is until the next call", "[data]") {
  const NumberSource source(96);
  const data::Sampler sampler(5, 96, 16);
  NumberWork work;
  data::Loader loader(source, sampler, work, {.threads = 4, .prefetch = 2});
  for (int k = 0; k < 12; ++k) {
    const data::Batch& batch = loader.next();
    const data::Batch copy = batch;
    std::this_thread::sleep_for(std::chrono::milliseconds(3));
    CHECK(same(batch, copy));
  }
}

TEST_CASE("loader: it ends promptly with batches in the making, and measures waiting", "[data]") {
  NumberSource source(960);
  source.delay_us = 20000;
  const data::Sampler sampler(5, 960, 480);
  NumberWork work;
  const auto begin = std::chrono::steady_clock::now();
  {
    const data::Loader loader(source, sampler, work, {.threads = 2});
    std::this_thread::sleep_for(std::chrono::milliseconds(30));
  }
  CHECK(std::chrono::steady_clock::now() - begin < std::chrono::milliseconds(500));
  source.delay_us = 2000;
  const data::Sampler small(5, 960, 30);
  data::Loader loader(source, small, work, {.threads = 1});
  loader.next();
  CHECK(loader.stages().wait_s > 0.005);
}

TEST_CASE("loader: each stage's thread time, images and bytes are counted", "[data]") {
  SlowSource source(96);
  const data::Sampler sampler(5, 96, 16);
  SlowWork work;
  const auto threads = static_cast<std::int64_t>(GENERATE(1, 3));
  data::Loader loader(source, sampler, work, {.threads = threads, .end_step = 6});
  for (int k = 0; k < 6; ++k) loader.next();
  const data::Stages all = loader.stages();
  CHECK(all.images == 96);
  CHECK(all.bytes == 96 * 7);
  // Sleeping takes the time asked for or longer: sums of what each image slept.
  CHECK(all.read_s >= 96 * 200e-6);
  CHECK(all.decode_s >= 96 * 400e-6);
  CHECK(all.augment_s >= 96 * 100e-6);
  const data::Stages none = loader.stages() - all;
  CHECK(none.images == 0);
  CHECK(none.busy_s() == 0);
}

TEST_CASE("bottleneck: the slowest stage, and the keys that help", "[data]") {
  const data::Stages decode{
      .read_s = 1, .decode_s = 6, .augment_s = 3, .images = 5000, .bytes = 500'000'000};
  const std::string words = data::bottleneck(decode, {.threads = 2, .processors = 8});
  CHECK(words ==
        "decode takes 60 % of the loader's work (augment 30 %, read 10 %; 2.00 ms of a thread and "
        "100 KB per image): raise train.workers (now 2, with 8 processors), pack smaller images "
        "(sslrun data pack --resize 256), or keep decoded images in memory (data.cache: ram)");
  const auto told = [](const data::Stages& stages, const char* cache) {
    return data::bottleneck(stages, {.threads = 8, .processors = 8, .cache = cache});
  };
  using Catch::Contains;
  CHECK_THAT(told(decode, "none"), !Contains("train.workers") && Contains("data.cache: ram"));
  CHECK_THAT(told(decode, "ram"), Contains("data.cache_gb") && !Contains("data.cache: ram"));
  const data::Stages read{.read_s = 5, .decode_s = 1, .augment_s = 1, .images = 10};
  CHECK_THAT(told(read, "none"), Contains("train.workers") && Contains("data.cache: packed"));
  CHECK_THAT(told(read, "packed"), Contains("data.cache_gb") && Contains("faster disk"));
  const data::Stages augment{.read_s = 1, .decode_s = 1, .augment_s = 5, .images = 10};
  CHECK_THAT(told(augment, "none"), Contains("augment takes 71 %") && Contains("smaller views"));
}

TEST_CASE("loader: views lie in the memory it is given, taken once and given back", "[data]") {
  const NumberSource source(96);
  const data::Sampler sampler(5, 96, 16);
  NumberWork work;
  CountedMemory memory;
  {
    data::Loader loader(source, sampler, work, {.threads = 2, .prefetch = 3, .memory = &memory});
    CHECK(memory.bytes == 3 * 16 * (2 + 1) * 4);
    const std::int64_t calls = memory.calls;
    for (int k = 0; k < 12; ++k)
      CHECK(loader.next().views[0].get_allocator().resource() == &memory);
    CHECK(memory.calls == calls);
  }
  CHECK(memory.bytes == 0);
}
