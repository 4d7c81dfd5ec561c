#include "base/append_file.h"

#include "base/file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

namespace sslrun {

AppendFile::AppendFile(std::filesystem::path path)
    : path_(std::move(path)),
      fd_(::open(path_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666)) {
  if (fd_ < 0) throw_storage_error("open", path_, errno);
}

AppendFile::~AppendFile() {
  ::close(fd_);
}

void AppendFile::write(std::string_view bytes) {
  left_ += bytes;
  std::size_t done = 0;
  int error = 0;
  while (done < left_.size() && error == 0) {
    const ssize_t n = ::write(fd_, left_.data() + done, left_.size() - done);
    if (n >= 0) {
      done += static_cast<std::size_t>(n);
    } else if (errno != EINTR) {
      error = errno;
    }
  }
  left_.erase(0, done);
  if (error != 0) throw_storage_error("write", path_, error);
}

void AppendFile::sync() const {
  if (::fsync(fd_) != 0) throw_storage_error("sync", path_, errno);
}

}  // namespace sslrun
