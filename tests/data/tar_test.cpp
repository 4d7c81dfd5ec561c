// The tar reader against archives of Python's tarfile, GNU tar and bsdtar (tests/golden/tar.py).
#include "data/tar.h"

#include "base/error.h"
#include "data/image_file.h"
#include "tests/data/support.h"
#include "tests/support/catch.h"

#include <nlohmann/json.hpp>
#include <zlib.h>

#include <fstream>
#include <string>
#include <utility>
#include <vector>

using namespace sslrun;
using namespace sslrun::test;

namespace {

using Files = std::vector<std::pair<std::string, std::string>>;

std::string from_hex(const std::string& text) {
  std::string bytes;
  for (std::size_t i = 0; i < text.size(); i += 2)
    bytes += static_cast<char>(std::stoi(text.substr(i, 2), nullptr, 16));
  return bytes;
}

std::string unpacked(const std::string& packed) {
  std::string bytes(1 << 21, '\0');
  uLongf size = bytes.size();
  REQUIRE(uncompress(reinterpret_cast<Bytef*>(bytes.data()),
                     &size,
                     reinterpret_cast<const Bytef*>(packed.data()),
                     packed.size()) == Z_OK);
  bytes.resize(size);
  return bytes;
}

Files read_archive(const std::string& bytes) {
  const TempFolder folder;
  folder.write("x.tar", bytes);
  const data::Descriptor file(folder.path("x.tar"));
  data::TarReader reader(file.get(), static_cast<std::int64_t>(bytes.size()), "x.tar");
  Files files;
  while (const auto member = reader.next()) {
    const auto offset = static_cast<std::size_t>(member->offset);
    const auto size = static_cast<std::size_t>(member->size);
    files.emplace_back(member->name, bytes.substr(offset, size));
    CHECK(member->head == files.back().second.substr(0, 256));
  }
  return files;
}

std::string error_of(const std::string& bytes) {
  try {
    read_archive(bytes);
  } catch (const DataError& error) {
    return error.what();
  }
  return "accepted";
}

}  // namespace

TEST_CASE("tar: archives of other programs hold what was put in", "[data][tar]") {
  std::ifstream in(SSLRUN_TEST_DIR "/golden/tar.json");
  REQUIRE(in);
  const nlohmann::json golden = nlohmann::json::parse(in);
  REQUIRE(golden.at("cases").size() > 40);
  for (const auto& c : golden.at("cases")) {
    const std::string name = c.at("name");
    CAPTURE(name);
    const std::string archive = unpacked(from_hex(c.at("tar")));
    if (c.contains("error")) {
      CHECK(error_of(archive) == "'x.tar' cannot be used, " + c.at("error").get<std::string>());
      continue;
    }
    Files want;
    for (const auto& f : c.at("files")) want.emplace_back(f[0], from_hex(f[1]));
    CHECK(read_archive(archive) == want);
  }
}

TEST_CASE("tar: a compressed archive says how to unpack it", "[data][tar]") {
  const std::string rest(600, 'x');
  CHECK(error_of("\x1f\x8b" + rest).find("unpack it with gunzip") != std::string::npos);
  CHECK(error_of("\x28\xb5\x2f\xfd" + rest).find("unpack it with unzstd") != std::string::npos);
  CHECK(error_of("BZh" + rest).find("unpack it with bunzip2") != std::string::npos);
}

TEST_CASE("tar: a file that the end cuts is there with its whole size", "[data][tar]") {
  const std::string whole = tar_member("a.png", std::string(1000, 'a'));
  const Files files = read_archive(whole.substr(0, 900));
  REQUIRE(files.size() == 1);
  CHECK(files[0].second.size() == 388);  // 900 - 512, of the 1000 that the header says
}

TEST_CASE("tar: a second archive is found behind 1 MiB of zeros, and not behind more",
          "[data][tar]") {
  const std::string one = tar_member("a.png", "a"), other = tar_member("b.png", "b");
  CHECK(read_archive(one + std::string(1 << 20, '\0') + other).size() == 2);
  CHECK(read_archive(one + std::string((1 << 20) + 1024, '\0') + other).size() == 1);
}

TEST_CASE("tar: every turned bit of a header is found", "[data][tar]") {
  const std::string archive = tar_member("a.png", "abc");
  for (std::size_t bit = 0; bit < 512 * 8; ++bit) {
    std::string damaged = archive;
    damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ (1 << bit % 8));
    CAPTURE(bit);
    const std::string words = error_of(damaged);
    if (words == "accepted") {  // a digit of the checksum became a blank
      REQUIRE((bit / 8 >= 148 && bit / 8 < 156));
      REQUIRE(read_archive(damaged) == Files{{"a.png", "abc"}});
    } else {
      REQUIRE(words.find("the checksum of a tar header") != std::string::npos);
    }
  }
}
