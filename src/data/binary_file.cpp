#include "data/binary_file.h"

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <memory>

#include <fmt/format.h>
#include <zlib.h>

#include "base/error.h"

namespace sslrun::data {

namespace {

constexpr std::size_t kMaxBytes = std::size_t{16} << 30;
constexpr std::size_t kChunkBytes = std::size_t{1} << 20;

}  // namespace

std::string read_binary_file(const std::string& path) {
  errno = 0;
  const std::unique_ptr<gzFile_s, int (*)(gzFile)> file(gzopen(path.c_str(), "rb"), gzclose);
  if (!file) throw DataError(fmt::format("cannot open '{}': {}", path, std::strerror(errno)));
  gzbuffer(file.get(), 1 << 17);
  std::string content;
  std::size_t size = 0;
  while (true) {
    content.resize(size + kChunkBytes);
    const int count = gzread(file.get(), content.data() + size, static_cast<unsigned>(kChunkBytes));
    if (count < 0) break;
    size += static_cast<std::size_t>(count);
    if (size > kMaxBytes) throw DataError(fmt::format("'{}' unpacks to more than 16 GiB", path));
    if (count < static_cast<int>(kChunkBytes)) break;
  }
  content.resize(size);
  int code = Z_OK;
  const char* text = gzerror(file.get(), &code);
  if (code == Z_BUF_ERROR) throw DataError(fmt::format("'{}' is cut: the gzip stream has no end; fetch it again", path));
  if (code == Z_ERRNO) throw DataError(fmt::format("cannot read '{}': {}", path, std::strerror(errno)));
  if (code != Z_OK) throw DataError(fmt::format("'{}' is damaged gzip ({}); fetch it again", path, text));
  return content;
}

}  // namespace sslrun::data
