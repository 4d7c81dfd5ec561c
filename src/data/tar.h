// The headers of a tar archive: what it holds, and where.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace sslrun::data {

/// A regular file in a tar archive.
struct TarMember {
  std::string name;         // as it stands there, "..", a leading "/" and all: never to be opened
  std::int64_t offset = 0;  // of its first byte in the archive
  std::int64_t size = 0;
  std::string_view head;  // its first bytes, up to 256; until the following next()
};

/// Reads one header after the other; of the files' contents only what comes along with a header.
/// Formats   ustar, pax (path and size of a member), GNU (long names, sizes in base 256), v7.
/// Passed over: folders, links, devices, pipes, labels, extensions unknown here.
/// An archive may lack its end, and another one may follow it (`cat a.tar b.tar`), with up to 1 MiB
/// of zeros between them.
/// errors    DataError names the archive and the byte: a header whose checksum does not hold, an
///           archive that is packed (gzip, zstd, xz, bzip2) or cut inside a header, a size that no
///           file has, names or pax records above 1 MiB, sparse files, parts of several volumes.
/// source    POSIX.1-2017, pax, "ustar Interchange Format"; GNU tar 1.34 manual, "Basic Tar Format".
class TarReader {
 public:
  /// fd is open for reading and outlives the reader; size is the archive's in bytes; name is what
  /// messages call it.
  TarReader(int fd, std::int64_t size, std::string name);

  /// The next regular file; nothing at the end. The last one of an archive that was cut may reach
  /// past its end.
  std::optional<TarMember> next();

 private:
  static constexpr std::size_t kWindowBytes =
      4096;  // a header with a small file or the next header

  // What extension headers say of the member that follows them.
  struct Extension {
    std::optional<std::string> name;
    std::optional<std::int64_t> size;
  };

  std::string_view look(std::int64_t offset, std::size_t num_bytes);
  std::string read_extension(std::int64_t offset, std::int64_t size);
  void read_pax(std::string_view records, std::int64_t offset, Extension& extension) const;
  std::int64_t end_of(std::int64_t offset, std::int64_t size, std::int64_t header) const;
  [[noreturn]] void fail(std::int64_t offset, std::string_view what) const;
  [[noreturn]] void throw_no_header(std::int64_t offset, std::string_view block) const;

  int fd_;
  std::int64_t size_;
  std::string name_;
  std::int64_t next_ = 0;    // where the next header is expected
  std::int64_t zeros_ = 0;   // bytes of zero blocks before it
  std::int64_t window_ = 0;  // offset of what buffer_ holds
  std::size_t filled_ = 0;
  std::array<char, kWindowBytes> buffer_;
};

}  // namespace sslrun::data
