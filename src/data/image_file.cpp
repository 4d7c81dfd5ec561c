#include "data/image_file.h"

#include "base/error.h"
#include "image/bad_image.h"
#include "image/decode.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <thread>

namespace sslrun::data {

namespace {

constexpr std::string_view kImageEndings[] = {".jpg",
                                              ".jpeg",
                                              ".jpe",
                                              ".jfif",
                                              ".png",
                                              ".webp",
                                              ".bmp",
                                              ".tif",
                                              ".tiff",
                                              ".gif",
                                              ".avif",
                                              ".heic",
                                              ".heif",
                                              ".jxl",
                                              ".jp2",
                                              ".pbm",
                                              ".pgm",
                                              ".ppm",
                                              ".pnm"};

constexpr std::int64_t kPausesMs[] = {1, 4, 16};
constexpr int kShrank = -1;  // beside errno's numbers

bool may_pass(int code) {
  return code == EIO || code == ESTALE || code == EINTR || code == EAGAIN || code == kShrank;
}

// 0, or what went wrong.
int read_once(const std::string& path, std::vector<std::byte>& bytes) {
  const Descriptor file(path);

  struct stat status {};

  if (file.get() < 0 || ::fstat(file.get(), &status) != 0) return errno;
  if (!S_ISREG(status.st_mode)) throw image::BadImage("not a file: it became a folder or device");
  if (status.st_size > kMaxFileBytes) {
    throw image::BadImage(fmt::format(
        "too large: a file of {} bytes, at most {} are read", status.st_size, kMaxFileBytes));
  }
  bytes.resize(static_cast<std::size_t>(status.st_size));
  const std::int64_t count = read_at(file.get(), 0, bytes);
  if (count < 0) return errno;
  return count == status.st_size ? 0 : kShrank;
}

}  // namespace

Descriptor::Descriptor(const std::string& path) : Descriptor(AT_FDCWD, path.c_str()) {}

Descriptor::Descriptor(int folder, const char* name)
    : fd_(::openat(folder, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK)) {}

Descriptor::~Descriptor() {
  if (fd_ >= 0) ::close(fd_);
}

bool has_image_ending(std::string_view name) {
  const std::size_t dot = name.find_last_of("./");
  if (dot == std::string_view::npos || name[dot] == '/') return false;
  std::string ending(name.substr(dot));
  for (char& c : ending) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return std::find(std::begin(kImageEndings), std::end(kImageEndings), ending) !=
         std::end(kImageEndings);
}

bool looks_like_image(std::string_view name, std::span<const std::byte> head) {
  return has_image_ending(name) || image::sniff(head) != image::Format::kUnknown;
}

std::int64_t read_at(int fd, std::int64_t offset, std::span<std::byte> bytes) {
  std::size_t done = 0;
  while (done < bytes.size()) {
    const ssize_t count = ::pread(fd,
                                  bytes.data() + done,
                                  bytes.size() - done,
                                  static_cast<off_t>(offset) + static_cast<off_t>(done));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return -1;
    if (count == 0) break;
    done += static_cast<std::size_t>(count);
  }
  return static_cast<std::int64_t>(done);
}

void read_image_file(const std::string& path, std::vector<std::byte>& bytes) {
  int code = read_once(path, bytes);
  for (const std::int64_t pause_ms : kPausesMs) {
    if (!may_pass(code)) break;
    std::this_thread::sleep_for(std::chrono::milliseconds(pause_ms));
    code = read_once(path, bytes);
  }
  if (code == kShrank) throw image::BadImage("truncated: the file became shorter as it was read");
  if (code != 0) throw_unreadable(path, code);
}

void throw_unreadable(const std::string& path, int code) {
  if (code == EMFILE || code == ENFILE || code == ENOMEM) {
    throw DataError(
        fmt::format("cannot open '{}': {}; raise the limit (ulimit -n) or lower train.workers",
                    path,
                    std::strerror(code)));
  }
  throw image::BadImage(fmt::format("cannot be read: {}", std::strerror(code)));
}

}  // namespace sslrun::data
