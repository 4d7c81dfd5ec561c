#include "data/folder_index.h"

#include "base/env.h"
#include "base/error.h"
#include "base/file.h"

#include <fmt/format.h>
#include <xxhash.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <ctime>
#include <system_error>
#include <utility>

namespace sslrun::data {

namespace fs = std::filesystem;

namespace {

constexpr std::string_view kMagic = "sslrunIX";
constexpr std::uint64_t kVersion = 1;  // as this machine writes it: another byte order is foreign
constexpr std::int64_t kSettledSeconds = 3;

// After the magic and the checksum; then the root, the folders' states and names, the images' names.
struct Header {
  std::uint64_t version = kVersion;
  std::uint64_t root_bytes = 0, num_folders = 0, folder_bytes = 0, image_bytes = 0;
};

constexpr std::size_t kContentAt = kIndexChecksumAt + sizeof(std::uint64_t);
constexpr std::size_t kFolderBytes = sizeof(FolderState);
static_assert(kFolderBytes == 24 && kMagic.size() == kIndexChecksumAt);

std::uint64_t checksum(std::string_view bytes) {
  return XXH3_64bits(bytes.data() + kContentAt, bytes.size() - kContentAt);
}

std::uint64_t count_names(std::string_view names) {
  return static_cast<std::uint64_t>(std::count(names.begin(), names.end(), '\0'));
}

bool is_settled(const FolderScan& scan) {
  const std::int64_t now = std::time(nullptr);
  return std::all_of(scan.folders.begin(), scan.folders.end(), [&](const FolderState& f) {
    return f.mtime_s < now - kSettledSeconds;
  });
}

std::optional<FolderScan> read_index(const fs::path& file, const std::string& root) {
  try {
    if (!fs::exists(file)) return std::nullopt;
    auto scan = decode_index(read_file(file), root);
    if (scan && is_current(*scan, root)) return scan;
  } catch (const std::exception&) {
    // Unreadable: as if it were not there.
  }
  return std::nullopt;
}

void write_index(const fs::path& file, const FolderScan& scan, std::string_view root) {
  try {
    fs::create_directories(file.parent_path());
    write_file_atomic(file, encode_index(scan, root));
  } catch (const std::exception&) {
    // A full or read-only cache costs the next start a scan, nothing else.
  }
}

}  // namespace

std::string encode_index(const FolderScan& scan, std::string_view root) {
  const Header header{.root_bytes = root.size(),
                      .num_folders = scan.folders.size(),
                      .folder_bytes = scan.folder_names.size(),
                      .image_bytes = scan.image_names.size()};
  std::string bytes;
  bytes.reserve(kContentAt + sizeof header + root.size() + kFolderBytes * scan.folders.size() +
                scan.folder_names.size() + scan.image_names.size());
  bytes.append(kMagic).append(sizeof(std::uint64_t), '\0');
  bytes.append(reinterpret_cast<const char*>(&header), sizeof header).append(root);
  bytes.append(reinterpret_cast<const char*>(scan.folders.data()),
               kFolderBytes * scan.folders.size());
  bytes.append(scan.folder_names).append(scan.image_names);
  const std::uint64_t sum = checksum(bytes);
  std::memcpy(bytes.data() + kIndexChecksumAt, &sum, sizeof sum);
  return bytes;
}

std::optional<FolderScan> decode_index(std::string bytes, std::string_view root) {
  Header header;
  std::uint64_t sum = 0;
  if (bytes.size() < kContentAt + sizeof header || !bytes.starts_with(kMagic)) return std::nullopt;
  std::memcpy(&sum, bytes.data() + kIndexChecksumAt, sizeof sum);
  std::memcpy(&header, bytes.data() + kContentAt, sizeof header);
  if (header.version != kVersion || sum != checksum(bytes)) return std::nullopt;
  std::string_view rest = std::string_view(bytes).substr(kContentAt + sizeof header);
  // Takes the next bytes; all of them fit, or `whole` is false.
  bool whole = header.num_folders <= bytes.size() / kFolderBytes;
  const auto take = [&](std::uint64_t size) {
    whole = whole && size <= rest.size();
    const std::string_view taken = rest.substr(0, whole ? size : 0);
    rest.remove_prefix(taken.size());
    return taken;
  };
  const std::string_view its_root = take(header.root_bytes);
  const std::string_view states = take(header.num_folders * kFolderBytes);
  const std::string_view folder_names = take(header.folder_bytes);
  if (!whole || its_root != root || rest.size() != header.image_bytes || rest.empty() ||
      rest.back() != '\0' || count_names(folder_names) != header.num_folders ||
      header.num_folders == 0 || folder_names.back() != '\0')
    return std::nullopt;
  FolderScan scan;
  scan.folders.resize(header.num_folders);
  std::memcpy(scan.folders.data(), states.data(), states.size());
  scan.folder_names = folder_names;
  bytes.erase(0, bytes.size() - header.image_bytes);  // in place: the names are most of it
  scan.image_names = std::move(bytes);
  return scan;
}

bool is_current(const FolderScan& scan, const std::string& root) {
  const char* name = scan.folder_names.c_str();
  for (const FolderState& before : scan.folders) {
    if (folder_state(*name == '\0' ? root : root + "/" + name) != before) return false;
    name += std::strlen(name) + 1;
  }
  return true;
}

std::optional<fs::path> index_path(std::string_view root) {
  const auto cache = env("XDG_CACHE_HOME");
  const auto home = env("HOME");
  if (!(cache && !cache->empty()) && !(home && !home->empty())) return std::nullopt;
  const fs::path base = cache && !cache->empty() ? fs::path(*cache) : fs::path(*home) / ".cache";
  const XXH128_hash_t hash = XXH3_128bits(root.data(), root.size());
  return base / "sslrun" / "index" / fmt::format("{:016x}{:016x}.idx", hash.high64, hash.low64);
}

FolderScan index_folder(const std::string& root) {
  std::error_code error;
  const std::string real = fs::canonical(root, error).string();
  const auto file = error ? std::nullopt : index_path(real);
  if (file) {
    if (auto known = read_index(*file, real)) return std::move(*known);
  }
  FolderScan scan = scan_folder(root);
  const bool large = count_names(scan.image_names) >= static_cast<std::uint64_t>(kLeastIndexed);
  if (file && large && is_settled(scan)) write_index(*file, scan, real);
  return scan;
}

}  // namespace sslrun::data
