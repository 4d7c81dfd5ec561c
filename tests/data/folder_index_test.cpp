#include "data/folder_index.h"

#include "base/file.h"
#include "base/philox.h"
#include "data/fingerprint.h"
#include "data/source.h"
#include "tests/data/support.h"
#include "tests/support/catch.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstdlib>
#include <ctime>
#include <functional>
#include <set>
#include <string>
#include <vector>

using namespace sslrun;
using namespace sslrun::test;

namespace fs = std::filesystem;

namespace {

// $XDG_CACHE_HOME as long as the object lives.
class CacheHome {
 public:
  explicit CacheHome(const std::string& path) { ::setenv("XDG_CACHE_HOME", path.c_str(), 1); }

  ~CacheHome() { ::unsetenv("XDG_CACHE_HOME"); }
};

// All folders as if nothing had changed in them for a day.
void settle(const std::string& root) {
  const timespec long_ago[2] = {{::time(nullptr) - 86400, 0}, {::time(nullptr) - 86400, 0}};
  ::utimensat(AT_FDCWD, root.c_str(), long_ago, 0);
  for (const auto& entry : fs::recursive_directory_iterator(root)) {
    if (entry.is_directory()) ::utimensat(AT_FDCWD, entry.path().c_str(), long_ago, 0);
  }
}

// So many images in folders of 100: links to one file.
void fill(const TempFolder& folder, std::int64_t images) {
  folder.write("one.bin", flat_png(1));
  for (std::int64_t i = 0; i < images; ++i) {
    const std::string below = "in/" + std::to_string(i / 100);
    if (i % 100 == 0) fs::create_directories(folder.path(below));
    fs::create_hard_link(folder.path("one.bin"),
                         folder.path(below + "/" + std::to_string(i) + ".png"));
  }
}

std::vector<std::string> split(const std::string& names) {
  std::vector<std::string> list;
  for (std::size_t at = 0; at < names.size(); at = names.find('\0', at) + 1)
    list.emplace_back(names.c_str() + at);
  return list;
}

data::FolderScan small_scan() {
  return {.image_names = std::string("a/1.png\0b.png\0", 14),
          .folder_names = std::string("\0a\0", 3),
          .folders = {{11, 1000, 1}, {12, 2000, 2}}};
}

}  // namespace

TEST_CASE("folder scan: the order is that of the whole paths' bytes, whatever the names",
          "[data]") {
  const TempFolder folder;
  Rng rng(1, Purpose::kProbe, 0, 0, 0);
  const std::vector<std::string> parts = {
      "a", "a-", "a!", "ab", "A", "a b", "\xc3\xa9", "~", "a\n", "0"};
  std::set<std::string> want;
  for (int i = 0; i < 300; ++i) {
    std::string path;
    for (std::uint32_t depth = rng.below(4); depth > 0; --depth)
      path += parts[rng.below(static_cast<std::uint32_t>(parts.size()))] + "/";
    path += parts[rng.below(static_cast<std::uint32_t>(parts.size()))] + ".png";
    folder.write(path, "x");
    want.insert(path);  // ordered by bytes
  }
  const auto names = split(data::scan_folder(folder.path()).image_names);
  CHECK(names == std::vector<std::string>(want.begin(), want.end()));
  std::string joined;
  for (const std::string& path : want) joined.append(path).push_back('\0');
  CHECK(data::open_source(folder.path(), "folder", data::Split::kTrain)->fingerprint() ==
        data::make_fingerprint("folder", static_cast<std::int64_t>(want.size()), joined));
}

TEST_CASE("folder index: what is written is read back, for its folder alone", "[data]") {
  const data::FolderScan scan = small_scan();
  const std::string bytes = data::encode_index(scan, "/data/x");
  const auto back = data::decode_index(bytes, "/data/x");
  REQUIRE(back);
  CHECK(back->image_names == scan.image_names);
  CHECK(back->folder_names == scan.folder_names);
  CHECK(back->folders == scan.folders);
  CHECK_FALSE(data::decode_index(bytes, "/data/y"));
}

TEST_CASE("folder index: one that is cut, or has a changed bit, is none", "[data]") {
  const std::string bytes = data::encode_index(small_scan(), "/data/x");
  for (std::size_t size = 0; size < bytes.size(); ++size)
    REQUIRE_FALSE(data::decode_index(bytes.substr(0, size), "/data/x"));
  for (std::size_t bit = 0; bit < 8 * bytes.size(); ++bit) {
    std::string damaged = bytes;
    damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ (1 << bit % 8));
    REQUIRE_FALSE(data::decode_index(damaged, "/data/x"));
  }
  CHECK_FALSE(data::decode_index(bytes + "x", "/data/x"));
}

TEST_CASE("folder index: it is used as long as no folder changes, and only then", "[data]") {
  const TempFolder folder, cache;
  const CacheHome home(cache.path());
  fill(folder, data::kLeastIndexed);
  settle(folder.path());
  const auto found = data::index_folder(folder.path());
  const std::string real = fs::canonical(folder.path()).string();
  const fs::path file = data::index_path(real).value();
  REQUIRE(fs::exists(file));
  // An index that lacks an image tells a scan from a look into the cache.
  data::FolderScan shorter = found;
  shorter.image_names.resize(shorter.image_names.rfind('\0', shorter.image_names.size() - 2) + 1);
  const auto kept = [&] { write_file_atomic(file, data::encode_index(shorter, real)); };
  const auto is_cached = [&] {
    return data::index_folder(folder.path()).image_names == shorter.image_names;
  };
  kept();
  CHECK(is_cached());
  const std::vector<std::function<void()>> changes = {
      [&] { folder.write("in/7/new.png", "x"); },
      [&] { fs::remove(folder.path("in/7/701.png")); },
      [&] { fs::rename(folder.path("in/7/702.png"), folder.path("in/7/other.png")); },
      [&] { fs::create_directory(folder.path("in/7/deeper")); },
      [&] { fs::remove_all(folder.path("in/8")); },
      [&] {  // another folder under the name, with the old one's time
        fs::rename(folder.path("in/9"), folder.path("in/.old"));
        fs::create_directory(folder.path("in/9"));
        settle(folder.path());
      }};
  for (std::size_t i = 0; i < changes.size(); ++i) {
    CAPTURE(i);
    shorter.folders = data::scan_folder(folder.path()).folders;
    shorter.folder_names = data::scan_folder(folder.path()).folder_names;
    kept();
    REQUIRE(is_cached());
    changes[i]();
    CHECK_FALSE(is_cached());
  }
  // Changed just now: a later change could have the same time, so nothing is kept.
  fs::remove(file);
  folder.write("in/10/new.png", "x");
  data::index_folder(folder.path());
  CHECK_FALSE(fs::exists(file));
}

TEST_CASE("folder index: a damaged one and a cache that cannot be written cost a scan, no error",
          "[data]") {
  const TempFolder folder, cache;
  fill(folder, data::kLeastIndexed);
  settle(folder.path());
  const std::string want = data::scan_folder(folder.path()).image_names;
  {
    const CacheHome home(cache.path());
    const fs::path file = data::index_path(fs::canonical(folder.path()).string()).value();
    data::index_folder(folder.path());
    const std::string whole = read_file(file);
    for (const std::string& damaged : {std::string(), whole.substr(0, 100), whole + "x"}) {
      write_file_atomic(file, damaged);
      CHECK(data::index_folder(folder.path()).image_names == want);
      CHECK(read_file(file) == whole);  // made again
    }
    fs::remove(file);
    fs::create_directory(file);
    CHECK(data::index_folder(folder.path()).image_names == want);
  }
  cache.write("file", "x");
  const CacheHome home(cache.path("file"));
  CHECK(data::index_folder(folder.path()).image_names == want);
}

TEST_CASE("folder index: a small folder is not kept", "[data]") {
  const TempFolder folder, cache;
  const CacheHome home(cache.path());
  fill(folder, 100);
  settle(folder.path());
  data::index_folder(folder.path());
  CHECK(fs::is_empty(cache.path()));
}
