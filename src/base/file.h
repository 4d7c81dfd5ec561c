#pragma once
#include <filesystem>
#include <string>
#include <string_view>

namespace sslrun {

/// Throws StorageError "cannot <verb> '<path>': <reason>", with what to do where the place is full.
/// error: an errno.
[[noreturn]] void throw_storage_error(const char* verb,
                                      const std::filesystem::path& path,
                                      int error);

/// The whole file. Throws StorageError with the path and the reason.
std::string read_file(const std::filesystem::path& path);

/// Writes and fsyncs `bytes`; the name may be seen half written. Throws StorageError.
void write_file_synced(const std::filesystem::path& path, std::string_view bytes);

/// Replaces `path` by `bytes`: temporary file beside it, fsync, rename, fsync of the folder. A
/// reader, and a crash at any moment, sees the old bytes or the new ones, never a mixture. Throws
/// StorageError; the old file is then untouched.
void write_file_atomic(const std::filesystem::path& path, std::string_view bytes);

/// fsyncs a file or a folder. Throws StorageError.
void fsync_path(const std::filesystem::path& path);

}  // namespace sslrun
