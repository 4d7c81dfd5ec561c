#include "base/file.h"

#include "base/error.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace sslrun {

namespace fs = std::filesystem;

class File {
 public:
  File(const fs::path& path, int flags, const char* verb)
      : path_(path), fd_(::open(path.c_str(), flags | O_CLOEXEC, 0666)) {
    if (fd_ < 0) throw_storage_error(verb, path, errno);
  }

  ~File() {
    if (fd_ >= 0) ::close(fd_);
  }

  File(const File&) = delete;
  File& operator=(const File&) = delete;

  void write(std::string_view bytes) const {
    while (!bytes.empty()) {
      const ssize_t n = ::write(fd_, bytes.data(), bytes.size());
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) throw_storage_error("write", path_, errno);
      bytes.remove_prefix(static_cast<std::size_t>(n));
    }
  }

  std::string read() const {
    std::string all;
    char buffer[1 << 16];
    for (;;) {
      const ssize_t n = ::read(fd_, buffer, sizeof buffer);
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) throw_storage_error("read", path_, errno);
      if (n == 0) return all;
      all.append(buffer, static_cast<std::size_t>(n));
    }
  }

  void sync() const {
    if (::fsync(fd_) != 0) throw_storage_error("sync", path_, errno);
  }

  void close() {
    const int fd = fd_;
    fd_ = -1;
    if (::close(fd) != 0) throw_storage_error("close", path_, errno);
  }

 private:
  fs::path path_;
  int fd_;
};

void throw_storage_error(const char* verb, const fs::path& path, int error) {
  const auto advice = [error] {
    switch (error) {
      case ENOSPC:
        return "; free some space there";
      case EDQUOT:
        return "; free some space there, or have the quota raised";
      case EFBIG:
        return "; raise the limit on the size of a file (ulimit -f)";
      case EROFS:
        return "; make the file system writable again: dmesg says why it was not";
      case EIO:
        return "; the storage reports a fault: look at dmesg and at the disk's health";
      case ESTALE:
        return "; the network file system has lost it: see whether its server is back";
      default:
        return "";
    }
  };
  throw StorageError(
      fmt::format("cannot {} '{}': {}{}", verb, path.string(), std::strerror(error), advice()));
}

std::string read_file(const fs::path& path) {
  return File(path, O_RDONLY, "open").read();
}

void write_file_synced(const fs::path& path, std::string_view bytes) {
  File file(path, O_WRONLY | O_CREAT | O_TRUNC, "create");
  file.write(bytes);
  file.sync();
  file.close();
}

AtomicFile::AtomicFile(fs::path path)
    : path_(std::move(path)),
      temporary_(path_.string() + fmt::format(".tmp-{}", ::getpid())),
      file_(std::make_unique<File>(temporary_, O_WRONLY | O_CREAT | O_TRUNC, "create")) {}

AtomicFile::~AtomicFile() {
  if (file_) ::unlink(temporary_.c_str());
}

void AtomicFile::write(std::string_view bytes) {
  file_->write(bytes);
}

void AtomicFile::commit() {
  file_->sync();
  file_->close();
  if (::rename(temporary_.c_str(), path_.c_str()) != 0)
    throw_storage_error("replace", path_, errno);
  file_.reset();
  fsync_path(path_.has_parent_path() ? path_.parent_path() : fs::path("."));
}

void write_file_atomic(const fs::path& path, std::string_view bytes) {
  AtomicFile file(path);
  file.write(bytes);
  file.commit();
}

void fsync_path(const fs::path& path) {
  File(path, O_RDONLY, "open").sync();
}

}  // namespace sslrun
