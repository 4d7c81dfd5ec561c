#pragma once
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

namespace sslrun {

/// Throws StorageError "cannot <verb> '<path>': <reason>", with what to do where that is known
/// (a full place, a quota, a file system that is read-only, stale or at fault).
/// error: an errno.
[[noreturn]] void throw_storage_error(const char* verb,
                                      const std::filesystem::path& path,
                                      int error);

/// The whole file. Throws StorageError with the path and the reason.
std::string read_file(const std::filesystem::path& path);

/// Writes and fsyncs `bytes`; the name may be seen half written. Throws StorageError.
void write_file_synced(const std::filesystem::path& path, std::string_view bytes);

/// A file that takes its name when it is whole: it is written beside it, as "<path>.tmp-<process>".
/// What is not committed is removed with the object. All members throw StorageError.
class AtomicFile {
 public:
  explicit AtomicFile(std::filesystem::path path);
  ~AtomicFile();
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  void write(std::string_view bytes);

  /// fsync, rename over what had the name, fsync of the folder: a reader, and a crash at any moment,
  /// sees the old bytes or the new ones, never a mixture.
  void commit();

 private:
  std::filesystem::path path_, temporary_;
  std::unique_ptr<class File> file_;
};

/// Replaces `path` by `bytes` as AtomicFile does. Throws StorageError; the old file is then
/// untouched.
void write_file_atomic(const std::filesystem::path& path, std::string_view bytes);

/// fsyncs a file or a folder. Throws StorageError.
void fsync_path(const std::filesystem::path& path);

}  // namespace sslrun
