#include "data/pack.h"

#include "base/error.h"
#include "base/file.h"
#include "data/image_file.h"
#include "data/loader.h"
#include "data/pack_names.h"
#include "data/shards.h"
#include "data/tar.h"
#include "data/tar_write.h"
#include "image/jpeg_write.h"
#include "tests/data/support.h"
#include "tests/support/catch.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <filesystem>
#include <map>
#include <string>
#include <vector>

using namespace sslrun;
using namespace sslrun::test;
using Catch::Matchers::Contains;
using data::open_source;
using data::Split;

namespace fs = std::filesystem;

namespace {

void nothing(std::int64_t) {}

data::PackResult pack_all(const std::string& from,
                          const std::string& to,
                          const data::PackOptions& options,
                          const std::function<void(std::int64_t)>& progress = nothing) {
  return data::pack(*open_source(from, "auto", Split::kTrain), to, options, progress);
}

// name -> bytes of every file of a folder.
std::map<std::string, std::string> files_of(const std::string& folder) {
  std::map<std::string, std::string> files;
  for (const auto& entry : fs::directory_iterator(folder))
    files[entry.path().filename().string()] = read_file(entry.path());
  return files;
}

// 40 pictures of several sizes in three classes.
void write_images(const TempFolder& folder) {
  for (int i = 0; i < 40; ++i) {
    image::Image image;
    image.reshape(20 + i % 7, 16 + i % 5, 3);
    for (std::size_t k = 0; k < image.pixels.size(); ++k)
      image.pixels[k] = static_cast<std::uint8_t>(k * static_cast<std::size_t>(i + 3));
    const bool jpeg = i % 2 == 0;
    folder.write(
        fmt::format("{}/{:03}.{}", "cab"[i % 3], i, jpeg ? "jpg" : "png"),
        jpeg ? image::encode_jpeg(image, 80, image::Chroma::kHalf) : image::encode_png(image));
  }
}

// One view: which image and epoch it is, and its first pixels.
class CopyWork final : public data::SampleWork {
 public:
  std::vector<data::ViewSize> view_sizes() const override { return {{1024, 0}}; }

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
    float* to = batch.views[0].data() + slot * 1024;
    for (std::size_t k = 0; k < 1024; ++k) to[k] = k < image.pixels.size() ? image.pixels[k] : -1.F;
    to[0] = static_cast<float>(epoch * 1000 + sample);
  }
};

struct Batches {
  std::vector<data::ViewBuffer> views;
  std::vector<std::vector<std::int64_t>> labels;

  bool operator==(const Batches&) const = default;
};

Batches load(const data::Source& source, std::int64_t threads, std::int64_t prefetch) {
  CopyWork work;
  data::Loader loader(source,
                      data::Sampler(3, source.size(), 8),
                      work,
                      {.threads = threads, .prefetch = prefetch, .end_step = 12});
  Batches out;
  for (int step = 0; step < 12; ++step) {
    const data::Batch& batch = loader.next();
    out.views.push_back(batch.views[0]);
    out.labels.push_back(batch.labels);
  }
  return out;
}

}  // namespace

TEST_CASE("pack: batches of a folder and of its shards are equal to the last byte",
          "[data][pack]") {
  const TempFolder folder, shards;
  write_images(folder);
  const auto result = pack_all(folder.path(), shards.path(), {.shard_images = 9});
  CHECK(result.images == 40);
  CHECK(result.shards == 5);
  const auto plain = open_source(folder.path(), "auto", Split::kTrain);
  const auto packed = open_source(shards.path(), "auto", Split::kTrain);
  CHECK(packed->fingerprint() == plain->fingerprint());
  CHECK(packed->class_names() == std::vector<std::string>{"a", "b", "c"});
  const Batches want = load(*plain, 1, 2);
  REQUIRE(want.labels[0].size() == 8);
  const std::int64_t threads = GENERATE(1, 2, 7), prefetch = GENERATE(2, 3, 5);
  CAPTURE(threads, prefetch);
  CHECK(load(*plain, threads, prefetch) == want);
  CHECK(load(*packed, threads, prefetch) == want);
}

TEST_CASE("pack: stopped anywhere and called again, it ends with the same bytes", "[data][pack]") {
  const TempFolder folder, whole;
  write_images(folder);
  folder.write("a/bad.png", "no picture");
  folder.write("c/zzz.png", "no picture at the end");
  folder.write("a/0.0.png", flat_png(1));  // the first of a, and the last with the same key
  folder.write("a/0_0.png", flat_png(2));
  const data::PackOptions options{.shard_bytes = 9000};
  const auto want = pack_all(folder.path(), whole.path(), options);
  REQUIRE(want.shards > 3);
  REQUIRE(want.bad.size() == 2);
  CHECK(want.bad[0].name == "a/bad.png");
  const auto files = files_of(whole.path());
  for (const auto& [name, bytes] : files) {
    if (name.ends_with(".tar")) CHECK(bytes.size() <= 9000);
  }
  const std::string killed = read_file(whole.path(data::kPackFile));
  for (std::int64_t done = 0; done < want.shards; ++done) {
    const TempFolder out;  // as a process leaves it that is killed with `done` shards written down
    auto state = nlohmann::ordered_json::parse(killed);
    state["done"] = false;
    auto& shards = state["shards"];
    shards.erase(shards.begin() + done, shards.end());
    const std::int64_t end = done == 0 ? 0 : shards.back()["end"].get<std::int64_t>();
    auto& bad = state["bad"];
    while (!bad.empty() && end <= (bad.size() == 2 ? 43 : 15)) bad.erase(bad.end() - 1);
    out.write(data::kPackFile, state.dump());
    for (std::int64_t k = 0; k <= done && k < want.shards; ++k)  // one more than it knows of
      out.write(fmt::format("shard-{:06}.tar", k), files.at(fmt::format("shard-{:06}.tar", k)));
    out.write("shard-000009.tar.tmp-77", "half");
    out.write("classes.txt", files.at("classes.txt"));
    CHECK_THROWS_AS(open_source(out.path(), "auto", Split::kTrain), DataError);
    const auto got = pack_all(folder.path(), out.path(), options);
    CHECK(got.images == want.images);
    CHECK(files_of(out.path()) == files);
  }
  std::int64_t called = 0;
  pack_all(folder.path(), whole.path(), options, [&](std::int64_t) { ++called; });
  CHECK(called == 0);  // nothing left to do
}

TEST_CASE("pack: a folder that holds anything else is left alone", "[data][pack]") {
  const TempFolder folder, other, out;
  folder.write("1.png", flat_png(1));
  other.write("letter", "mine");
  CHECK_THROWS_WITH(pack_all(folder.path(), other.path(), {}), Contains("holds 'letter'"));
  CHECK(files_of(other.path()).size() == 1);
  pack_all(folder.path(), out.path(), {.shard_images = 5});
  const auto files = files_of(out.path());
  CHECK_THROWS_WITH(pack_all(folder.path(), out.path(), {.shard_images = 6}),
                    Contains("another 'shard_images', 5, and 6 is asked for"));
  folder.write("2.png", flat_png(1));
  CHECK_THROWS_WITH(pack_all(folder.path(), out.path(), {.shard_images = 5}),
                    Contains("another 'images'"));
  CHECK(files_of(out.path()) == files);
  fs::remove(folder.path("2.png"));
  fs::resize_file(out.path("shard-000000.tar"), 100);
  CHECK_THROWS_WITH(pack_all(folder.path(), out.path(), {.shard_images = 5}), Contains("has 100"));
  out.write(data::kPackFile, "{\"version\": 1");
  CHECK_THROWS_WITH(pack_all(folder.path(), out.path(), {}), Contains("is damaged"));
}

TEST_CASE("pack: images that are no files become PNG with the same pixels", "[data][pack]") {
  const TempFolder out;
  const auto drawn = open_source("synthetic:12x16", "auto", Split::kTrain);
  CHECK(data::pack(*drawn, out.path(), {}, nothing).recoded == 12);
  const auto packed = open_source(out.path(), "auto", Split::kTrain);
  CHECK(packed->class_names() == drawn->class_names());
  for (std::int64_t i = 0; i < 12; ++i) {
    image::Image a, b;
    drawn->read(i, a);
    packed->read(i, b);
    CHECK(a.pixels == b.pixels);
    CHECK(packed->labels()[static_cast<std::size_t>(i)] == i % 10);
  }
}

TEST_CASE("pack: nothing usable is an error, not an empty data set", "[data][pack]") {
  const TempFolder folder, out;
  folder.write("1.png", "no picture");
  CHECK_THROWS_WITH(pack_all(folder.path(), out.path(), {}), Contains("none of the 1 images"));
}

TEST_CASE("pack names: one key each, no dot before the ending, no way out", "[data][pack]") {
  data::PackNames names;
  CHECK(names.key("a/1.jpg") == "a/1");
  CHECK(names.key("a/1.png") == "a/1-2");
  CHECK(names.key("a/1-2.png") == "a/1-2-2");
  CHECK(names.key("v1.0/IMG.2020.JPG") == "v1.0/IMG_2020");
  CHECK(names.key("plain") == "plain");
  CHECK(names.key("odd.name") == "odd_name");
  CHECK(names.key("../../etc/x.png") == "_/_/etc/x");
  CHECK(names.key("/disk//./x.png") == "disk/x");
  CHECK(names.key("s.tar/k/1.png") == "s.tar/k/1");
  CHECK(names.key("x/") == "x");
  CHECK(names.key("..") == "_");
  const std::string png = flat_png(1);
  const auto bytes = std::as_bytes(std::span(png));
  CHECK(data::ending_of("a.JPG", bytes) == ".JPG");
  CHECK(data::ending_of("a", bytes) == ".png");
}

TEST_CASE("tar header: any name is read back", "[data][pack]") {
  const std::size_t size = GENERATE(1, 99, 100, 101, 155, 255, 256, 257, 980, 1000, 4000);
  const bool parted = GENERATE(false, true);
  std::string name(size, 'n');
  for (std::size_t k = 50; parted && k < size - 1; k += 60) name[k] = '/';
  const std::string archive = data::tar_header(name, 3) + "abc" +
                              std::string(data::tar_padding(3)) + std::string(data::tar_end());
  const TempFolder folder;
  folder.write("x.tar", archive);
  const data::Descriptor file(folder.path("x.tar"));
  data::TarReader reader(file.get(), static_cast<std::int64_t>(archive.size()), "x.tar");
  const auto member = reader.next();
  REQUIRE(member);
  CHECK(member->name == name);
  CHECK(member->head == "abc");
  CHECK_FALSE(reader.next());
}
