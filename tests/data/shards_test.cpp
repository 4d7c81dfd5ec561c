#include "base/error.h"
#include "data/source.h"
#include "image/bad_image.h"
#include "tests/data/support.h"
#include "tests/support/catch.h"

#include <filesystem>
#include <string>
#include <vector>

using namespace sslrun;
using namespace sslrun::test;
using data::open_source;
using data::Split;

namespace {

using Names = std::vector<std::string>;
using Labels = std::vector<std::int64_t>;

Names names(const data::Source& source) {
  Names result;
  for (std::int64_t i = 0; i < source.size(); ++i) result.push_back(source.name(i));
  return result;
}

Labels labels(const data::Source& source) {
  return {source.labels().begin(), source.labels().end()};
}

std::string data_error(const std::string& path, Split split = Split::kTrain) {
  try {
    open_source(path, "shards", split);
  } catch (const DataError& error) {
    return error.what();
  }
  return "accepted";
}

std::string bad_reason(const data::Source& source, std::int64_t i) {
  image::Image out;
  try {
    source.read(i, out);
  } catch (const image::BadImage& bad) {
    return bad.what();
  }
  return "";
}

std::string sample(const std::string& key, std::uint8_t value, const std::string& label) {
  return tar_member(key + ".png", flat_png(value)) + tar_member(key + ".cls", label);
}

const std::string kEnd(1024, '\0');

}  // namespace

TEST_CASE("shards: archives in the order of their names, members as they stand", "[data]") {
  const TempFolder folder;
  folder.write("b.tar", sample("z", 3, "1") + sample("a", 4, "0") + kEnd);
  folder.write("a-1.tar", sample("k/1", 1, "2\n") + kEnd);
  folder.write("README", "not a shard");
  folder.write(".hidden.tar", "not a tar");
  const auto source = open_source(folder.path(), "auto", Split::kTrain);
  CHECK(names(*source) == Names{"a-1.tar/k/1.png", "b.tar/z.png", "b.tar/a.png"});
  CHECK(labels(*source) == Labels{2, 1, 0});
  CHECK(source->class_names() == Names{"0", "1", "2"});
  image::Image out;
  source->read(1, out);
  CHECK(out.pixels == std::vector<std::uint8_t>(18, 3));
  const auto one = open_source(folder.path("b.tar"), "auto", Split::kTest);
  CHECK(names(*one) == Names{"b.tar/z.png", "b.tar/a.png"});
}

TEST_CASE("shards: what counts as an image, and what shares a key", "[data]") {
  const TempFolder folder;
  folder.write("s.tar",
               tar_member("1.left.PNG", flat_png(1)) + tar_member("1.right.png", flat_png(2)) +
                   tar_member("1.cls", "cat") + tar_member("1.json", "{}") +
                   tar_member("2", flat_png(3)) + tar_member("2.cls", "dog") +
                   tar_member("3.heic", "x") + tar_member("3.cls", "cat") +
                   tar_member(".4.png", flat_png(4)) + tar_member("a/._5.png", flat_png(4)) +
                   tar_member("6.npy", "numbers") + tar_member("7.txt", "words alone") + kEnd);
  const auto source = open_source(folder.path(), "shards", Split::kTrain);
  CHECK(names(*source) ==
        Names{"s.tar/1.left.PNG", "s.tar/1.right.png", "s.tar/2", "s.tar/3.heic", "s.tar/7.txt"});
  CHECK(source->class_names() == Names{"cat", "dog"});
  CHECK(labels(*source) == Labels{0, 0, 1, 0, 0});
  CHECK(bad_reason(*source, 2).empty());
  CHECK(bad_reason(*source, 3).find("not an image") == 0);
  CHECK(bad_reason(*source, 4) == "no image: the shard holds text alone under this key");
}

TEST_CASE("shards: an image without a class means no labels", "[data]") {
  const TempFolder folder;
  folder.write("s.tar", sample("1", 1, "0") + tar_member("2.png", flat_png(1)));
  const auto source = open_source(folder.path(), "auto", Split::kTrain);
  CHECK(source->labels().empty());
  CHECK(source->class_names().empty());
  folder.write("s.tar", tar_member("1.txt", "words alone"));
  CHECK(open_source(folder.path(), "auto", Split::kTrain)->labels().empty());
}

TEST_CASE("shards: numbers are classes, and classes.txt names them", "[data]") {
  const TempFolder folder;
  folder.write("s.tar", sample("1", 1, "10") + sample("2", 1, " 2\n"));
  CHECK(open_source(folder.path(), "auto", Split::kTrain)->class_names().size() == 11);
  CHECK(labels(*open_source(folder.path(), "auto", Split::kTrain)) == Labels{10, 2});
  folder.write("classes.txt", "a\nb\nc\r\n");
  CHECK(data_error(folder.path()).find("must name a class in each of 11 lines, got 3") !=
        std::string::npos);
  folder.write("classes.txt", "0\n1\ntwo\r\n3\n4\n5\n6\n7\n8\n9\nten\n");
  const auto source = open_source(folder.path("s.tar"), "auto", Split::kTrain);
  CHECK(source->class_names()[2] == "two");
  CHECK(source->class_names()[10] == "ten");
  folder.write("s.tar", sample("1", 1, "1000000") + sample("2", 1, "-1"));  // words
  CHECK(labels(*open_source(folder.path(), "auto", Split::kTrain)) == Labels{1, 0});
}

TEST_CASE("shards: damage is named by file and byte, or is a bad image", "[data]") {
  const TempFolder folder;
  const std::string whole = sample("1", 1, "0") + sample("2", 2, "1");
  std::string damaged = whole;
  damaged[1024 + 5] ^= 1;
  folder.write("s.tar", damaged);
  CHECK(data_error(folder.path()).find("s.tar' cannot be used, byte 1024: the checksum") !=
        std::string::npos);
  folder.write("s.tar", whole.substr(0, 2048 + 512 + 20));  // inside the second image
  const auto source = open_source(folder.path(), "auto", Split::kTrain);
  REQUIRE(source->size() == 2);
  CHECK(bad_reason(*source, 0).empty());
  CHECK(bad_reason(*source, 1) == "truncated: the shard ends inside this file");
  folder.write("s.tar", tar_member("1.cls", "1") + tar_member("1.cls", "2"));
  CHECK(data_error(folder.path()).find("two labels for one image: '1.cls'") != std::string::npos);
  folder.write("s.tar", tar_member("1.cls", " \n"));
  CHECK(data_error(folder.path()).find("must have 1 to 256 bytes, got 0") != std::string::npos);
  folder.write("s.tar", tar_member("1.cls", std::string(257, 'x')));
  CHECK(data_error(folder.path()).find("must have 1 to 256 bytes, got 257") != std::string::npos);
  folder.write("s.tar", whole.substr(0, whole.size() - 512));  // only the last .cls is missing
  CHECK(data_error(folder.path()).find("s.tar' ends inside '2.cls'") != std::string::npos);
  folder.write("s.tar", kEnd);
  CHECK(data_error(folder.path()).find("no image in the 1 tar file of") == 0);
  std::filesystem::remove(folder.path("s.tar"));
  CHECK(data_error(folder.path()).find("no shard in") == 0);
  std::filesystem::create_directory(folder.path("s.tar"));
  CHECK(data_error(folder.path()).find("no shard in") == 0);
}

TEST_CASE("shards: an archive that is changed or lost makes bad images", "[data]") {
  const TempFolder folder;
  for (int k = 0; k < 130; ++k)  // more than are held open
    folder.write(std::to_string(1000 + k) + ".tar", sample("1", 1, "0"));
  const auto source = open_source(folder.path(), "auto", Split::kTrain);
  REQUIRE(source->size() == 130);
  CHECK(bad_reason(*source, 129).empty());
  folder.write("1129.tar", sample("1", 1, "0") + kEnd);
  std::filesystem::remove(folder.path("1128.tar"));
  CHECK(bad_reason(*source, 129) == "cannot be read: the shard was changed after it was opened");
  CHECK(bad_reason(*source, 128) == "cannot be read: No such file or directory");
  folder.write("1000.tar", sample("1", 1, "0") + kEnd);
  CHECK(bad_reason(*source, 0) == "cannot be read: the shard was changed after it was opened");
  CHECK(bad_reason(*source, 1).empty());
}

TEST_CASE("shards: train and val are told apart by folder or by name", "[data]") {
  const TempFolder folder, mixed;
  folder.write("train/0.tar", sample("1", 1, "0"));
  folder.write("val/0.tar", sample("2", 1, "0"));
  CHECK(open_source(folder.path(), "auto", Split::kTrain)->name(0) == "0.tar/1.png");
  CHECK(open_source(folder.path(), "auto", Split::kTest)->name(0) == "0.tar/2.png");
  mixed.write("set-train-0.tar", sample("1", 1, "0"));
  CHECK(open_source(mixed.path(), "auto", Split::kTest)->size() == 1);
  mixed.write("set-validation-0.tar", sample("2", 1, "0"));
  CHECK(names(*open_source(mixed.path(), "auto", Split::kTrain)) == Names{"set-train-0.tar/1.png"});
  CHECK(names(*open_source(mixed.path(), "auto", Split::kTest)) ==
        Names{"set-validation-0.tar/2.png"});
  mixed.write("interval.tar", sample("3", 1, "0"));
  CHECK(data_error(mixed.path()).find("interval.tar' must say train, val or test") !=
        std::string::npos);
}

TEST_CASE("shards: a folder of images with an archive beside them stays a folder", "[data]") {
  const TempFolder folder;
  folder.write("a/1.png", flat_png(1));
  folder.write("a.tar", sample("1", 1, "0"));
  CHECK(open_source(folder.path(), "auto", Split::kTrain)->name(0) == "a/1.png");
  CHECK(open_source(folder.path(), "shards", Split::kTrain)->name(0) == "a.tar/1.png");
}

TEST_CASE("shards: the fingerprint is that of a folder with the same names", "[data]") {
  const TempFolder folder, packed, other;
  folder.write("a/1.png", flat_png(1));
  folder.write("b/2.png", flat_png(2));
  packed.write("0.tar", sample("a/1", 1, "0"));
  packed.write("1.tar", sample("b/2", 2, "1"));
  other.write("0.tar", sample("b/2", 2, "1") + sample("a/1", 1, "0"));
  const std::string want = open_source(folder.path(), "auto", Split::kTrain)->fingerprint();
  CHECK(open_source(packed.path(), "auto", Split::kTrain)->fingerprint() == want);
  CHECK(open_source(other.path(), "auto", Split::kTrain)->fingerprint() != want);
}
