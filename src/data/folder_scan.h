// Lists the images of a folder.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

namespace sslrun::data {

/// When the entries of a folder changed last, and which folder it was.
struct FolderState {
  std::uint64_t inode = 0;
  std::int64_t mtime_s = 0, mtime_ns = 0;

  bool operator==(const FolderState&) const = default;
};

/// The images below a folder, and the folders that were looked into. All names are paths below the
/// root, each ended by a zero byte: one block of memory, about as large as the names.
struct FolderScan {
  std::string image_names;  // sorted by their bytes
  std::string folder_names;
  std::vector<FolderState> folders;  // of folder_names; the first is the root, ""
};

/// Walks the tree at root. Taken: names with an image's ending, and every other file whose first bytes
/// are those of a format that is read (only these are opened; no other file is touched). Names that
/// start with a dot are left out. Links to files and folders are followed, a loop is entered once, 64
/// levels at most; a link whose target is gone counts by its name.
/// errors    DataError names a folder that cannot be listed.
FolderScan scan_folder(const std::string& root);

/// State of the folder at `path`. errors: inode 0 where there is none.
FolderState folder_state(const std::string& path);

}  // namespace sslrun::data
