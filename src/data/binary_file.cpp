#include "data/binary_file.h"

#include "base/error.h"

#include <fmt/format.h>
#include <zlib.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <memory>

namespace sslrun::data {

namespace fs = std::filesystem;

namespace {

constexpr std::size_t kChunkBytes = std::size_t{1} << 20;
constexpr std::size_t kGzipTrailerBytes = 4;

// An open file that unpacks itself.
class Unpacker {
 public:
  explicit Unpacker(const std::string& path) : path_(path), file_(nullptr, gzclose) {
    errno = 0;
    file_.reset(gzopen(path.c_str(), "rb"));
    if (!file_) throw DataError(fmt::format("cannot open '{}': {}", path, std::strerror(errno)));
    gzbuffer(file_.get(), 1 << 17);
  }

  /// Fills `to`, or reads to the end; returns the count.
  std::size_t read(char* to, std::size_t num_bytes) {
    std::size_t size = 0;
    while (size < num_bytes) {
      const auto want = static_cast<unsigned>(std::min(num_bytes - size, kChunkBytes));
      const int count = gzread(file_.get(), to + size, want);
      if (count > 0) size += static_cast<std::size_t>(count);
      if (count < static_cast<int>(want)) {
        require_good();
        break;
      }
    }
    return size;
  }

 private:
  void require_good() {
    int code = Z_OK;
    const char* text = gzerror(file_.get(), &code);
    if (code == Z_BUF_ERROR) {
      throw DataError(
          fmt::format("'{}' is cut: the gzip stream has no end; fetch it again", path_));
    }
    if (code == Z_ERRNO)
      throw DataError(fmt::format("cannot read '{}': {}", path_, std::strerror(errno)));
    if (code != Z_OK)
      throw DataError(fmt::format("'{}' is damaged gzip ({}); fetch it again", path_, text));
  }

  std::string path_;
  std::unique_ptr<gzFile_s, int (*)(gzFile)> file_;
};

}  // namespace

std::string read_binary_head(const std::string& path, std::size_t num_bytes) {
  std::string head(num_bytes, '\0');
  head.resize(Unpacker(path).read(head.data(), num_bytes));
  return head;
}

std::vector<std::uint8_t> read_binary_tail(const std::string& path,
                                           std::size_t skip_bytes,
                                           std::size_t num_bytes) {
  Unpacker file(path);
  std::string skipped(skip_bytes, '\0');
  std::vector<std::uint8_t> content(num_bytes);
  std::size_t size = file.read(skipped.data(), skip_bytes);
  if (size == skip_bytes) size += file.read(reinterpret_cast<char*>(content.data()), num_bytes);
  char more = 0;  // asking beyond the end also has zlib compare the checksum
  if (size == skip_bytes + num_bytes) size += file.read(&more, 1);
  if (size != skip_bytes + num_bytes) {
    throw DataError(fmt::format(
        "'{}' must hold {} bytes, as it did when it was opened, and holds {}; was it exchanged?",
        path,
        skip_bytes + num_bytes,
        size < skip_bytes + num_bytes ? "fewer" : "more"));
  }
  return content;
}

bool has_binary_size(const std::string& path, std::uint64_t num_bytes) {
  std::error_code error;
  const std::uintmax_t file_bytes = fs::file_size(path, error);
  if (error) throw DataError(fmt::format("cannot read '{}': {}", path, error.message()));
  std::ifstream file(path, std::ios::binary);
  unsigned char magic[2] = {};
  file.read(reinterpret_cast<char*>(magic), sizeof magic);
  if (!file || magic[0] != 0x1f || magic[1] != 0x8b) return file_bytes == num_bytes;
  unsigned char trailer[kGzipTrailerBytes] = {};
  if (file_bytes < sizeof trailer) return false;
  file.seekg(-static_cast<std::streamoff>(sizeof trailer), std::ios::end);
  file.read(reinterpret_cast<char*>(trailer), sizeof trailer);
  if (!file) return false;
  std::uint32_t length = 0;
  for (std::size_t k = sizeof trailer; k-- > 0;) length = length << 8 | trailer[k];
  return length == static_cast<std::uint32_t>(num_bytes);
}

std::uint64_t binary_size(const std::string& path, std::uint64_t at_most) {
  Unpacker file(path);
  std::string chunk(kChunkBytes, '\0');
  for (std::uint64_t size = 0;;) {
    const std::size_t count = file.read(chunk.data(), kChunkBytes);
    size += count;
    if (size > at_most) return at_most + 1;
    if (count < kChunkBytes) return size;
  }
}

}  // namespace sslrun::data
