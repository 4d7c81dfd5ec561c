#include "data/tar.h"

#include "base/error.h"
#include "data/image_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <limits>
#include <utility>

namespace sslrun::data {

namespace {

constexpr std::size_t kBlock = 512;
constexpr std::size_t kHeadBytes = 256;
constexpr std::int64_t kMostExtensionBytes = 1 << 20;
constexpr std::int64_t kMostZeroBytes = 1 << 20;

// Where the fields of a header lie.
struct Field {
  std::size_t offset, size;
};

constexpr Field kName{0, 100}, kSize{124, 12}, kChecksum{148, 8}, kMagic{257, 8}, kPrefix{345, 155};
constexpr std::size_t kType = 156;

std::string_view raw(std::string_view block, Field f) {
  return block.substr(f.offset, f.size);
}

std::string_view text(std::string_view block, Field f) {
  const std::string_view all = raw(block, f);
  return all.substr(0, all.find('\0'));
}

bool is_zero(std::string_view bytes) {
  return bytes.find_first_not_of('\0') == std::string_view::npos;
}

// Octal digits between blanks; an empty field is 0.
std::optional<std::int64_t> octal(std::string_view field) {
  field.remove_prefix(std::min(field.find_first_not_of(' '), field.size()));
  field = field.substr(0, field.find_first_of(std::string_view(" \0", 2)));
  std::int64_t value = 0;
  for (const char c : field) {
    if (c < '0' || c > '7') return std::nullopt;
    value = value * 8 + (c - '0');  // 12 digits: no overflow
  }
  return value;
}

// Octal, or GNU's base 256, whose first bit is set: the rest is big-endian.
std::optional<std::int64_t> size_of(std::string_view header) {
  const std::string_view field = raw(header, kSize);
  if ((field[0] & 0x80) == 0) return octal(field);
  std::uint64_t value = field[0] & 0x7F;
  for (const char c : field.substr(1)) {
    if (value >> 55 != 0) return std::nullopt;  // 2^63 and more, and what is negative
    value = value << 8 | static_cast<unsigned char>(c);
  }
  return static_cast<std::int64_t>(value);
}

// The sum of all bytes, the checksum's own counted as blanks; old writers summed signed bytes.
bool holds(std::string_view header) {
  const std::optional<std::int64_t> stored = octal(raw(header, kChecksum));
  std::int64_t sum = 0, signed_sum = 0;
  for (std::size_t i = 0; i < kBlock; ++i) {
    const bool own = i >= kChecksum.offset && i < kChecksum.offset + kChecksum.size;
    const char c = own ? ' ' : header[i];
    sum += static_cast<unsigned char>(c);
    signed_sum += static_cast<signed char>(c);
  }
  return stored && (*stored == sum || *stored == signed_sum);
}

// The name in the header itself; ustar has room for its beginning in a second field, which GNU uses
// for times.
std::string name_of(std::string_view header) {
  const std::string_view name = text(header, kName);
  if (!raw(header, kMagic).starts_with(std::string_view("ustar\0", 6))) return std::string(name);
  const std::string_view prefix = text(header, kPrefix);
  return prefix.empty() ? std::string(name) : fmt::format("{}/{}", prefix, name);
}

template <class Number>
bool parse_whole(std::string_view digits, Number& value) {
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  return error == std::errc() && end == digits.data() + digits.size();
}

}  // namespace

TarReader::TarReader(int fd, std::int64_t size, std::string name)
    : fd_(fd), size_(size), name_(std::move(name)) {}

void TarReader::fail(std::int64_t offset, std::string_view what) const {
  throw DataError(fmt::format("'{}' cannot be used, byte {}: {}", name_, offset, what));
}

void TarReader::throw_no_header(std::int64_t offset, std::string_view block) const {
  constexpr std::pair<std::string_view, std::string_view> kPackers[] = {
      {"\x1f\x8b", "gunzip"},
      {"\x28\xb5\x2f\xfd", "unzstd"},
      {"\xfd\x37zXZ", "unxz"},
      {"BZh", "bunzip2"}};
  for (const auto& [magic, unpacker] : kPackers) {
    if (offset == 0 && block.starts_with(magic)) {
      throw DataError(fmt::format(
          "'{}' is compressed, and shards are read in place; unpack it with {}", name_, unpacker));
    }
  }
  fail(offset, "the checksum of a tar header must hold, and does not; fetch or make it again");
}

// Up to num_bytes (at most kWindowBytes) at the offset, fewer at the archive's end.
std::string_view TarReader::look(std::int64_t offset, std::size_t num_bytes) {
  const std::int64_t left = std::max<std::int64_t>(size_ - offset, 0);
  num_bytes =
      static_cast<std::size_t>(std::min<std::int64_t>(static_cast<std::int64_t>(num_bytes), left));
  const bool inside = offset >= window_ && offset + static_cast<std::int64_t>(num_bytes) <=
                                               window_ + static_cast<std::int64_t>(filled_);
  if (!inside) {
    const std::int64_t count = read_at(fd_, offset, std::as_writable_bytes(std::span(buffer_)));
    if (count < 0)
      throw DataError(fmt::format("cannot read '{}': {}", name_, std::strerror(errno)));
    window_ = offset;
    filled_ = static_cast<std::size_t>(count);
    num_bytes = std::min(num_bytes, filled_);
  }
  return {buffer_.data() + (offset - window_), num_bytes};
}

std::string TarReader::read_extension(std::int64_t offset, std::int64_t size) {
  if (size > kMostExtensionBytes)
    fail(offset,
         fmt::format(
             "a name or record of {} bytes, at most {} are read", size, kMostExtensionBytes));
  std::string content(static_cast<std::size_t>(size), '\0');
  if (read_at(fd_, offset, std::as_writable_bytes(std::span(content))) != size)
    fail(offset, "the archive ends inside a header");
  return content;
}

// Records "<length> <key>=<value>\n", the length being the whole record's.
void TarReader::read_pax(std::string_view records,
                         std::int64_t offset,
                         Extension& extension) const {
  while (!records.empty()) {
    const std::size_t blank = records.find(' ');
    std::size_t length = 0;
    if (blank == std::string_view::npos || !parse_whole(records.substr(0, blank), length) ||
        length <= blank + 1 || length > records.size() || records[length - 1] != '\n')
      fail(offset, "a pax record that does not fit its length");
    const std::string_view record = records.substr(blank + 1, length - blank - 2);
    const std::size_t equals = record.find('=');
    if (equals == std::string_view::npos) fail(offset, "a pax record without '='");
    const std::string_view key = record.substr(0, equals), value = record.substr(equals + 1);
    if (key.starts_with("GNU.sparse."))
      fail(offset, "a sparse file; make the archive without --sparse");
    if (key == "path") extension.name = value;
    if (key == "size") {
      std::int64_t size = -1;
      if (!parse_whole(value, size) || size < 0) fail(offset, "a pax size that no file has");
      extension.size = size;
    }
    records.remove_prefix(length);
  }
}

// The block after the content.
std::int64_t TarReader::end_of(std::int64_t offset, std::int64_t size, std::int64_t header) const {
  constexpr auto kPad = static_cast<std::int64_t>(kBlock) - 1;
  if (size > std::numeric_limits<std::int64_t>::max() - offset - kPad)
    fail(header, "a size that no file has");
  return offset + (size + kPad) / (kPad + 1) * (kPad + 1);
}

std::optional<TarMember> TarReader::next() {
  Extension extension;
  for (;;) {
    const std::int64_t header = next_;
    const std::string_view block = look(header, kBlock);
    if (is_zero(block)) {  // also nothing
      zeros_ += kBlock;
      next_ += kBlock;
      if (block.size() == kBlock && zeros_ <= kMostZeroBytes) continue;
      if (extension.name || extension.size) fail(header, "the archive ends inside a header");
      next_ = size_;
      return std::nullopt;
    }
    zeros_ = 0;
    if (block.size() < kBlock) fail(header, "the archive ends inside a header");
    if (!holds(block)) throw_no_header(header, block);
    const char type = block[kType];
    const std::optional<std::int64_t> own_size = size_of(block);
    if (!own_size) fail(header, "a size that no file has");
    const std::int64_t offset = header + static_cast<std::int64_t>(kBlock);
    // Links, devices, folders and pipes have no content, whatever their size says.
    const bool bare = type >= '1' && type <= '6';
    const std::int64_t size = bare ? 0 : extension.size.value_or(*own_size);
    switch (type) {
      case 'L':
      case 'x': {
        next_ = end_of(offset, *own_size, header);
        const std::string content = read_extension(offset, *own_size);
        if (type == 'x') {
          read_pax(content, header, extension);
        } else {
          extension.name = content.substr(0, content.find('\0'));
        }
        continue;
      }
      case 'K':
      case 'g':
        next_ = end_of(offset, *own_size, header);
        continue;
      case 'S':
        fail(header, "a sparse file; make the archive without --sparse");
      case 'M':
        fail(header, "a part of an archive of several volumes; join them");
      default:
        break;
    }
    next_ = end_of(offset, size, header);
    TarMember member{extension.name.value_or(name_of(block)), offset, size, {}};
    extension = {};
    const bool regular = type == '0' || type == '\0' || type == '7';
    if (!regular || member.name.ends_with('/')) continue;  // v7 folders are files named "x/"
    if (member.name.find('\0') != std::string::npos) fail(header, "a name with a zero byte");
    member.head = look(offset, static_cast<std::size_t>(std::min<std::int64_t>(size, kHeadBytes)));
    return member;
  }
}

}  // namespace sslrun::data
