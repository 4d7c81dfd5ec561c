// Files whose reading goes wrong: pread() of this program fails as often as a test says.
#include "base/error.h"
#include "data/image_file.h"
#include "data/source.h"
#include "image/bad_image.h"
#include "tests/data/support.h"
#include "tests/support/catch.h"

#include <dlfcn.h>
#include <sys/types.h>

#include <cerrno>
#include <cstring>
#include <string>
#include <vector>

using namespace sslrun;
using namespace sslrun::test;

namespace {

thread_local int faults_left = 0;
thread_local int fault_code = 0;  // 0: the file has ended
thread_local int calls = 0;

// What reading says with so many faults to come, and how often it asked.
std::string read_with(const std::string& path, int faults, int code, int* asked = nullptr) {
  faults_left = faults;
  fault_code = code;
  calls = 0;
  std::vector<std::byte> bytes;
  std::string words = "read";
  try {
    data::read_image_file(path, bytes);
  } catch (const image::BadImage& bad) {
    words = bad.what();
  }
  faults_left = 0;
  if (asked) *asked = calls;
  return words;
}

}  // namespace

extern "C" ssize_t pread(int fd, void* to, size_t size, off_t offset) {
  static const auto real =
      reinterpret_cast<ssize_t (*)(int, void*, size_t, off_t)>(dlsym(RTLD_NEXT, "pread"));
  ++calls;
  if (faults_left == 0) return real(fd, to, size, offset);
  --faults_left;
  errno = fault_code;
  return fault_code == 0 ? 0 : -1;
}

TEST_CASE("image file: what passes is read after all, what stays makes a bad image", "[data]") {
  const TempFolder folder;
  folder.write("1.png", flat_png(1));
  const std::string path = folder.path("1.png");
  const int code = GENERATE(EIO, ESTALE, EAGAIN, 0);
  CHECK(read_with(path, 3, code) == "read");
  const std::string words = read_with(path, 1000, code);
  CHECK(words == (code == 0 ? "truncated: the file became shorter as it was read"
                            : "cannot be read: " + std::string(std::strerror(code))));
}

TEST_CASE("image file: an interrupted call is made again, however often", "[data]") {
  const TempFolder folder;
  folder.write("1.png", flat_png(1));
  CHECK(read_with(folder.path("1.png"), 100, EINTR) == "read");
}

TEST_CASE("image file: what cannot pass is tried once", "[data]") {
  const TempFolder folder;
  folder.write("1.png", flat_png(1));
  int asked = 0;
  CHECK(read_with(folder.path("1.png"), 1000, EACCES, &asked) ==
        "cannot be read: Permission denied");
  CHECK(asked == 1);
  CHECK(read_with(folder.path("gone.png"), 0, 0, &asked) ==
        "cannot be read: No such file or directory");
  CHECK(asked == 0);
}

TEST_CASE("folder: a file that was replaced since it was read is a bad image; a touched one is not",
          "[data]") {
  const TempFolder folder;
  folder.write("1.png", flat_png(1));
  const auto source = data::open_source(folder.path(), "folder", data::Split::kTrain);
  image::Image out;
  source->read(0, out);
  std::filesystem::last_write_time(folder.path("1.png"),
                                   std::filesystem::file_time_type::clock::now());
  source->read(0, out);
  folder.write("1.png", flat_png(2));  // of the same size
  CHECK_THROWS_WITH(source->read(0, out),
                    "changed: the file holds other bytes than when it was read before");
  folder.write("1.png", flat_png(1));
  source->read(0, out);
}
