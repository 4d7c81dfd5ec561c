#pragma once
#include <filesystem>
#include <string>
#include <string_view>

namespace sslrun {

/// A record that grows at its end. What the storage refuses is kept and written before what comes
/// next, from the very byte on, so that a disk that was full for a while leaves neither a hole nor a
/// torn line.
class AppendFile {
 public:
  /// Opens `path`, made where there is none, to write behind what it holds. Throws StorageError.
  explicit AppendFile(std::filesystem::path path);
  /// What the storage still refuses is lost.
  ~AppendFile();
  AppendFile(const AppendFile&) = delete;
  AppendFile& operator=(const AppendFile&) = delete;

  /// Hands `bytes`, after what is left from earlier, to the system. Throws StorageError; they are
  /// kept then.
  void write(std::string_view bytes);

  /// Makes durable what the system has. May be called on another thread. Throws StorageError.
  void sync() const;

  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
  int fd_;
  std::string left_;
};

}  // namespace sslrun
