// What a scan of a large folder found, kept for the next time.
#pragma once
#include "data/folder_scan.h"

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

namespace sslrun::data {

/// Folders with fewer images are scanned each time: that is as fast.
constexpr std::int64_t kLeastIndexed = 10'000;

/// Where the checksum stands in an index, and what it is of: the XXH3-64 of all that follows it.
constexpr std::size_t kIndexChecksumAt = 8;

/// scan_folder(root), from the user's cache where nothing has changed: $XDG_CACHE_HOME/sslrun/index or
/// ~/.cache/sslrun/index, one file per folder, named after its real path; it may be deleted at any
/// time. Where the cache cannot be read or written, or what lies there is damaged or of another
/// version, the folder is scanned: no error.
/// The scan holds as long as the inode and modification time of every folder in the tree do: the
/// file system changes it when an entry is added, removed or renamed. Assumed are a clock of the file
/// system that is at most 3 s behind this machine's (folders changed in the last 3 s are not kept: a
/// change in the same tick would not show), and that files without an image's ending and what links
/// point to outside the tree stay of the kind they are.
/// errors    as scan_folder.
FolderScan index_folder(const std::string& root);

/// The index as bytes. root: real path of the folder.
std::string encode_index(const FolderScan& scan, std::string_view root);

/// Nothing where bytes are not an index of that folder, whole and of this version.
std::optional<FolderScan> decode_index(std::string bytes, std::string_view root);

/// Whether every folder below root is as it was.
bool is_current(const FolderScan& scan, const std::string& root);

/// The index of the folder whose real path is root; nothing where the machine has no place for it.
std::optional<std::filesystem::path> index_path(std::string_view root);

}  // namespace sslrun::data
