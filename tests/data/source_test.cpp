#include "data/source.h"

#include "base/error.h"
#include "data/fingerprint.h"
#include "image/decode.h"
#include "tests/data/support.h"
#include "tests/support/catch.h"

#include <zlib.h>

#include <array>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

using namespace sslrun;
using namespace sslrun::test;
using data::open_source;
using data::Split;

namespace {

std::string big_endian(std::uint32_t v) {
  return {static_cast<char>(v >> 24),
          static_cast<char>(v >> 16),
          static_cast<char>(v >> 8),
          static_cast<char>(v)};
}

std::string idx_images(std::uint32_t n, std::uint32_t h, std::uint32_t w) {
  std::string bytes = big_endian(0x803) + big_endian(n) + big_endian(h) + big_endian(w);
  for (std::uint32_t k = 0; k < n * h * w; ++k) bytes += static_cast<char>(k);
  return bytes;
}

std::string idx_labels(const std::string& labels) {
  return big_endian(0x801) + big_endian(static_cast<std::uint32_t>(labels.size())) + labels;
}

void write_gzip(const std::string& path, const std::string& bytes) {
  gzFile file = gzopen(path.c_str(), "wb");
  gzwrite(file, bytes.data(), static_cast<unsigned>(bytes.size()));
  gzclose(file);
}

std::string data_error(const std::string& path,
                       std::string_view format,
                       Split split = Split::kTrain) {
  try {
    open_source(path, format, split);
  } catch (const DataError& error) {
    return error.what();
  }
  return "accepted";
}

std::vector<std::string> names(const data::Source& source) {
  std::vector<std::string> result;
  for (std::int64_t i = 0; i < source.size(); ++i) result.push_back(source.name(i));
  return result;
}

using Names = std::vector<std::string>;
using Labels = std::vector<std::int64_t>;

Labels labels(const data::Source& source) {
  return {source.labels().begin(), source.labels().end()};
}

std::string cifar_record(const std::string& labels, char red, char green, char blue) {
  return labels + std::string(1024, red) + std::string(1024, green) + std::string(1024, blue);
}

}  // namespace

TEST_CASE("folder: images at any depth, in the order of their bytes", "[data]") {
  const TempFolder folder;
  folder.write("b/z.png", flat_png(1));
  folder.write("b/deep/er/x.JPG", flat_png(2));
  folder.write("B/y.png", flat_png(3));
  folder.write("a-b/1.png", flat_png(4));
  folder.write("a/no_extension", flat_png(5));
  folder.write("a/readme.txt", "not an image");
  folder.write("a/.hidden.png", flat_png(6));
  folder.write("a/late.webp", "RIFF");
  std::filesystem::create_symlink(folder.path("b/z.png"), folder.path("a/link.png"));
  std::filesystem::create_directory_symlink(folder.path(), folder.path("b/loop"));
  const auto source = open_source(folder.path(), "auto", Split::kTrain);
  CHECK(names(*source) == Names{"B/y.png",
                                "a-b/1.png",
                                "a/late.webp",
                                "a/link.png",
                                "a/no_extension",
                                "b/deep/er/x.JPG",
                                "b/z.png"});
  CHECK(source->class_names() == Names{"B", "a", "a-b", "b"});
  CHECK(labels(*source) == Labels{0, 2, 1, 1, 1, 3, 3});
  image::Image out;
  source->read(5, out);
  CHECK(out.pixels == std::vector<std::uint8_t>(18, 2));
  source->read(3, out);
  CHECK(out.pixels[0] == 1);
  CHECK_THROWS_AS(source->read(2, out), image::BadImage);
  std::vector<std::byte> bytes;
  CHECK(source->read_file(0, bytes));
  const std::string png = flat_png(3);
  CHECK(std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size()) == png);
}

TEST_CASE("folder: an image beside the class folders means no labels", "[data]") {
  const TempFolder folder;
  folder.write("a/1.png", flat_png(1));
  const std::string labelled = open_source(folder.path(), "folder", Split::kTrain)->fingerprint();
  folder.write("2.png", flat_png(1));
  const auto source = open_source(folder.path(), "folder", Split::kTrain);
  CHECK(source->labels().empty());
  CHECK(source->class_names().empty());
  CHECK(source->fingerprint() != labelled);
}

TEST_CASE("folder: train and val are told apart", "[data]") {
  const TempFolder folder;
  folder.write("train/a/1.png", flat_png(1));
  folder.write("train/b/2.png", flat_png(1));
  CHECK(open_source(folder.path(), "auto", Split::kTrain)->name(0) == "train/a/1.png");
  folder.write("val/a/3.png", flat_png(1));
  CHECK(open_source(folder.path(), "auto", Split::kTrain)->name(0) == "a/1.png");
  CHECK(open_source(folder.path(), "auto", Split::kTest)->name(0) == "a/3.png");
}

TEST_CASE("folder: a lost file or a dead link is a bad image", "[data]") {
  const TempFolder folder;
  folder.write("1.png", flat_png(1));
  std::filesystem::create_symlink(folder.path("nowhere"), folder.path("2.png"));
  const auto source = open_source(folder.path(), "auto", Split::kTrain);
  REQUIRE(source->size() == 2);
  std::filesystem::remove(folder.path("1.png"));
  image::Image out;
  CHECK_THROWS_WITH(source->read(0, out), "cannot be read: No such file or directory");
  CHECK_THROWS_AS(source->read(1, out), image::BadImage);
}

TEST_CASE("open_source: what is not there is named", "[data]") {
  const TempFolder folder;
  CHECK(data_error(folder.path("gone"), "auto").find("no data at") == 0);
  CHECK(data_error(folder.path(), "auto").find("no image below") == 0);
  CHECK(data_error(folder.path(), "idx").find("must hold train-images") != std::string::npos);
  CHECK(data_error(folder.path(), "cifar").find("data_batch_1.bin") != std::string::npos);
  CHECK_THROWS_AS(open_source(folder.path(), "tarball", Split::kTrain), UsageError);
}

TEST_CASE("idx: images and labels, plain and gzipped", "[data]") {
  const bool gzip = GENERATE(false, true);
  const TempFolder folder;
  if (gzip) {
    write_gzip(folder.path("train-images-idx3-ubyte.gz"), idx_images(3, 2, 4));
    write_gzip(folder.path("train-labels-idx1-ubyte.gz"), idx_labels({7, 0, 9}));
  } else {
    folder.write("train-images.idx3-ubyte", idx_images(3, 2, 4));
    folder.write("train-labels.idx1-ubyte", idx_labels({7, 0, 9}));
  }
  folder.write("t10k-images-idx3-ubyte", idx_images(1, 2, 4));
  const auto source = open_source(folder.path(), "auto", Split::kTrain);
  CHECK(source->size() == 3);
  CHECK(labels(*source) == Labels{7, 0, 9});
  CHECK(source->class_names().size() == 10);
  image::Image out;
  source->read(1, out);
  CHECK(out.width == 4);
  CHECK(out.height == 2);
  REQUIRE(out.pixels.size() == 24);
  for (std::size_t k = 0; k < 24; ++k) CHECK(out.pixels[k] == 8 + k / 3);
  const auto test = open_source(folder.path(), "auto", Split::kTest);
  CHECK(test->size() == 1);
  CHECK(test->labels().empty());
}

TEST_CASE("idx: a window spreads the levels of images in memory too", "[data]") {
  const TempFolder folder;
  folder.write("train-images-idx3-ubyte", idx_images(1, 1, 8));  // 0 to 7, at 16 bits times 257
  const image::PixelFormat format{.window = {257, 5 * 257}};
  image::Image out;
  open_source(folder.path(), "idx", Split::kTrain, format)->read(0, out);
  REQUIRE(out.pixels.size() == 24);
  for (std::size_t i = 0; i < 8; ++i)
    CHECK(out.pixels[3 * i] == std::vector<int>{0, 0, 64, 128, 191, 255, 255, 255}[i]);
}

TEST_CASE("idx: a cut, lying or mismatched file is refused by name", "[data]") {
  const TempFolder folder;
  const std::string whole = idx_images(3, 2, 4);
  for (std::size_t size = 0; size < whole.size(); ++size) {
    folder.write("train-images-idx3-ubyte", whole.substr(0, size));
    REQUIRE(data_error(folder.path(), "idx").find("train-images-idx3-ubyte") != std::string::npos);
  }
  folder.write("train-images-idx3-ubyte", whole + "x");
  CHECK(data_error(folder.path(), "idx").find("must hold") != std::string::npos);
  const std::string huge = big_endian(0x803) + std::string(12, '\xff') + "abcd";
  folder.write("train-images-idx3-ubyte", huge);
  CHECK(data_error(folder.path(), "idx").find("must hold more bytes") != std::string::npos);
  folder.write("train-images-idx3-ubyte", idx_images(0, 2, 4));
  CHECK(data_error(folder.path(), "idx").find("no image") == 0);
  folder.write("train-images-idx3-ubyte", whole);
  folder.write("train-labels-idx1-ubyte", idx_labels({1, 2}));
  CHECK(data_error(folder.path(), "idx").find("2 labels for 3 images") != std::string::npos);
}

TEST_CASE("idx: a cut gzip stream is refused", "[data]") {
  const TempFolder folder;
  const std::string path = folder.path("train-images-idx3-ubyte.gz");
  write_gzip(path, idx_images(3, 20, 20));
  const auto size = std::filesystem::file_size(path);
  for (std::uintmax_t cut = 1; cut < size; cut += 7) {
    std::filesystem::resize_file(path, size - cut);
    REQUIRE(data_error(folder.path(), "idx").find(".gz'") != std::string::npos);
  }
}

TEST_CASE("idx: opening does not unpack the pixels; damage among them is named by every read",
          "[data]") {
  const TempFolder folder;
  const std::string path = folder.path("train-images-idx3-ubyte.gz");
  std::string pixels = idx_images(400, 28, 28);
  for (std::size_t k = 16; k < pixels.size(); ++k)
    pixels[k] = static_cast<char>(k * k * 2654435761U >> 13);
  write_gzip(path, pixels);
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  file.seekp(static_cast<std::streamoff>(std::filesystem::file_size(path) / 2));
  file << std::string(64, 'x');
  file.close();
  const auto source = open_source(folder.path(), "idx", Split::kTrain);
  CHECK(source->size() == 400);
  const auto words = [&](const auto& action) -> std::string {
    try {
      action();
    } catch (const DataError& error) {
      return error.what();
    }
    return "accepted";
  };
  image::Image out;
  for (int again = 0; again < 2; ++again) {
    const std::string read = words([&] { source->read(0, out); });
    CHECK(read.find("train-images-idx3-ubyte.gz") != std::string::npos);
    CHECK(read.find("damaged gzip") != std::string::npos);
  }
  CHECK(words([&] { source->fingerprint(); }).find("damaged gzip") != std::string::npos);
}

TEST_CASE("idx: a gzip file of another length than its header says is refused at opening",
          "[data]") {
  const TempFolder folder;
  write_gzip(folder.path("train-images-idx3-ubyte.gz"), idx_images(3, 20, 20) + "x");
  CHECK(data_error(folder.path(), "idx")
            .find("must hold 1200 bytes after its header, as that says, got 1201") !=
        std::string::npos);
}

TEST_CASE("idx: a gzip file of two members is whole", "[data]") {
  const TempFolder folder;
  const std::string whole = idx_images(3, 20, 20);
  write_gzip(folder.path("a"), whole.substr(0, 500));
  write_gzip(folder.path("b"), whole.substr(500));
  std::ofstream both(folder.path("train-images-idx3-ubyte.gz"), std::ios::binary);
  both << std::ifstream(folder.path("a"), std::ios::binary).rdbuf();
  both << std::ifstream(folder.path("b"), std::ios::binary).rdbuf();
  both.close();
  image::Image out;
  open_source(folder.path("train-images-idx3-ubyte.gz"), "auto", Split::kTrain)->read(2, out);
  CHECK(out.pixels.back() == static_cast<std::uint8_t>(1199));
}

TEST_CASE("idx: the fingerprint is that of the pixels, packed or not, and the first reads may race",
          "[data]") {
  const TempFolder plain, packed;
  plain.write("train-images-idx3-ubyte", idx_images(5, 3, 4));
  write_gzip(packed.path("train-images-idx3-ubyte.gz"), idx_images(5, 3, 4));
  const auto one = open_source(plain.path(), "idx", Split::kTrain);
  const auto other = open_source(packed.path(), "idx", Split::kTrain);
  std::vector<std::thread> threads;
  std::array<image::Image, 8> images;
  for (std::size_t t = 0; t < images.size(); ++t)
    threads.emplace_back([&, t] { other->read(4, images[t]); });
  for (std::thread& thread : threads) thread.join();
  for (const image::Image& image : images) CHECK(image.pixels.back() == 59);
  CHECK(one->fingerprint() == other->fingerprint());
  CHECK(one->fingerprint() == data::make_fingerprint("memory", 5, idx_images(5, 3, 4).substr(16)));
}

TEST_CASE("cifar: one file stands for itself, its set told by the size of its records", "[data]") {
  const TempFolder folder;
  folder.write("mine.bin", cifar_record({4}, 1, 2, 3) + cifar_record({5}, 1, 2, 3));
  folder.write("fine.bin", cifar_record({3, 77}, 1, 2, 3));
  folder.write("cut.bin", cifar_record({4}, 1, 2, 3) + "xx");
  CHECK(labels(*open_source(folder.path("mine.bin"), "auto", Split::kTrain)) == Labels{4, 5});
  const auto fine = open_source(folder.path("fine.bin"), "cifar", Split::kTest);
  CHECK(labels(*fine) == Labels{77});
  CHECK(fine->name(0) == "fine.bin[0]");
  CHECK(data_error(folder.path("cut.bin"), "auto").find("cut.bin' must hold whole records") !=
        std::string::npos);
}

TEST_CASE("cifar: both sets, planes turned to pixels", "[data]") {
  const TempFolder folder;
  for (const char k : {1, 2, 3, 4, 5}) {
    folder.write("ten/cifar-10-batches-bin/data_batch_" + std::to_string(k) + ".bin",
                 cifar_record({k}, k, 20, 30) + cifar_record({0}, k, 21, 31));
  }
  folder.write("ten/cifar-10-batches-bin/test_batch.bin", cifar_record({9}, 1, 2, 3));
  folder.write("hundred/train.bin", cifar_record({3, 99}, 1, 2, 3));
  folder.write("hundred/test.bin", cifar_record({3, 50}, 1, 2, 3));
  const auto ten = open_source(folder.path("ten"), "auto", Split::kTrain);
  CHECK(labels(*ten) == Labels{1, 0, 2, 0, 3, 0, 4, 0, 5, 0});
  image::Image out;
  ten->read(3, out);
  CHECK(out.width == 32);
  CHECK(out.height == 32);
  for (std::size_t i = 0; i < 1024; ++i) {
    REQUIRE(out.pixels[3 * i] == 2);
    REQUIRE(out.pixels[3 * i + 1] == 21);
    REQUIRE(out.pixels[3 * i + 2] == 31);
  }
  CHECK(labels(*open_source(folder.path("ten"), "cifar", Split::kTest)) == Labels{9});
  const auto hundred = open_source(folder.path("hundred"), "auto", Split::kTrain);
  CHECK(labels(*hundred) == Labels{99});
  CHECK(hundred->class_names().size() == 100);
  folder.write("hundred/train.bin", cifar_record({3, 99}, 1, 2, 3) + "x");
  CHECK(data_error(folder.path("hundred"), "auto").find("whole records of 3074 bytes") !=
        std::string::npos);
}

TEST_CASE("idx: Fashion-MNIST as Debian packs it", "[data]") {
  const std::string path = "/usr/share/datasets/fashion-mnist";
  if (!std::filesystem::exists(path)) SKIP_TEST("dataset-fashion-mnist is not installed");
  const auto train = open_source(path, "auto", Split::kTrain);
  const auto test = open_source(path, "auto", Split::kTest);
  CHECK(train->size() == 60000);
  CHECK(test->size() == 10000);
  std::vector<std::int64_t> per_class(10);
  for (const std::int64_t label : train->labels()) ++per_class.at(static_cast<std::size_t>(label));
  CHECK(per_class == std::vector<std::int64_t>(10, 6000));
  image::Image out;
  double sum = 0;
  for (std::int64_t i = 0; i < train->size(); ++i) {
    train->read(i, out);
    for (std::size_t k = 0; k < out.pixels.size(); k += 3) sum += out.pixels[k];
  }
  CHECK(sum / 60000 / 784 / 255 ==
        Approx(0.2860).margin(5e-5));  // the mean that the data set's users normalise by
}
