// Files that hold one image each: which they are, and their bytes.
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace sslrun::data {

/// An open file, closed with the object.
class Descriptor {
 public:
  /// Opens for reading; get() is -1, and errno says why, where that cannot be.
  explicit Descriptor(const std::string& path);
  /// The same for `name` in the open folder `folder`.
  Descriptor(int folder, const char* name);
  ~Descriptor();
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;

  int get() const { return fd_; }

 private:
  int fd_;
};

/// Larger files are bad images.
constexpr std::int64_t kMaxFileBytes = std::int64_t{1} << 30;

/// Whether the name ends as an image's does, also one of a format that cannot be read: such a file is
/// reported, not lost.
bool has_image_ending(std::string_view name);

/// Whether a file counts as an image: by its name, or by its first image::kSniffBytes bytes.
bool looks_like_image(std::string_view name, std::span<const std::byte> head);

/// Reads up to bytes.size() bytes at `offset` and returns how many there are, fewer at the file's
/// end only; -1 with errno.
std::int64_t read_at(int fd, std::int64_t offset, std::span<std::byte> bytes);

/// Reads a whole file into bytes. What may pass (EIO, ESTALE, EINTR, EAGAIN, a file that becomes
/// shorter meanwhile) is tried again three times, opened anew, with pauses of 21 ms in all.
/// errors    image::BadImage where it is gone, cannot be read, is no regular file or larger than
///           kMaxFileBytes; DataError where the process has no descriptor or memory left.
void read_image_file(const std::string& path, std::vector<std::byte>& bytes);

/// Throws as read_image_file does for errno `code` at `path`.
[[noreturn]] void throw_unreadable(const std::string& path, int code);

}  // namespace sslrun::data
