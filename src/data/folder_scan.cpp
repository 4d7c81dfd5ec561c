#include "data/folder_scan.h"

#include "base/error.h"
#include "data/image_file.h"
#include "image/decode.h"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <memory>
#include <string_view>
#include <utility>

namespace sslrun::data {

namespace {

constexpr std::size_t kMaxDepth = 64;

struct CloseFolder {
  void operator()(DIR* folder) const { ::closedir(folder); }
};

FolderState state_of(const struct stat& status) {
  return {status.st_ino, status.st_mtim.tv_sec, status.st_mtim.tv_nsec};
}

enum class Kind { kOther, kFile, kFolder };

// What an entry is, links followed; the file system says so itself as a rule.
Kind kind_of(int folder, const dirent& entry) {
  if (entry.d_type == DT_REG) return Kind::kFile;
  if (entry.d_type == DT_DIR) return Kind::kFolder;
  if (entry.d_type != DT_LNK && entry.d_type != DT_UNKNOWN) return Kind::kOther;

  struct stat status {};

  if (::fstatat(folder, entry.d_name, &status, 0) != 0) {
    // A link whose target is gone is reported as bad, not lost, where its name is an image's.
    const bool is_link = ::fstatat(folder, entry.d_name, &status, AT_SYMLINK_NOFOLLOW) == 0 &&
                         S_ISLNK(status.st_mode);
    return is_link ? Kind::kFile : Kind::kOther;
  }
  return S_ISREG(status.st_mode)   ? Kind::kFile
         : S_ISDIR(status.st_mode) ? Kind::kFolder
                                   : Kind::kOther;
}

// Opens the file only where its name does not tell.
bool is_image(int folder, const char* name) {
  if (has_image_ending(name)) return true;
  const Descriptor file(folder, name);
  std::array<std::byte, image::kSniffBytes> head{};
  const std::int64_t count = file.get() < 0 ? 0 : read_at(file.get(), 0, head);
  return count > 0 && looks_like_image(name, {head.data(), static_cast<std::size_t>(count)});
}

class Scan {
 public:
  explicit Scan(std::string root) : path_(std::move(root)), root_bytes_(path_.size() + 1) {
    enter(AT_FDCWD, path_.c_str());
  }

  FolderScan take() {
    scan_.image_names.shrink_to_fit();
    return std::move(scan_);
  }

 private:
  using Place = std::pair<dev_t, ino_t>;

  // Lists the folder `name` of the folder `parent`; path_ is its whole path.
  void enter(int parent, const char* name) {
    const int fd = ::openat(parent, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    const std::unique_ptr<DIR, CloseFolder> folder(fd < 0 ? nullptr : ::fdopendir(fd));

    struct stat status {};

    // Before its entries: what changes after this changes the time that is kept.
    if (!folder || ::fstat(fd, &status) != 0) fail();
    const Place place{status.st_dev, status.st_ino};
    if (ancestors_.size() > kMaxDepth ||
        std::find(ancestors_.begin(), ancestors_.end(), place) != ancestors_.end()) {
      return;
    }
    ancestors_.push_back(place);
    scan_.folder_names.append(below()).push_back('\0');
    scan_.folders.push_back(state_of(status));
    const std::string names = list(folder.get());
    for (const std::size_t at : sorted(names)) take_entry(fd, names.c_str() + at);
    ancestors_.pop_back();
  }

  // The folder's images and folders, each ended by a zero byte, folders by a slash before it.
  std::string list(DIR* folder) const {
    std::string names;
    for (;;) {
      errno = 0;
      const dirent* entry = ::readdir(folder);
      if (entry == nullptr) break;
      if (entry->d_name[0] == '.') continue;
      const Kind kind = kind_of(::dirfd(folder), *entry);
      if (kind == Kind::kOther) continue;
      if (kind == Kind::kFile && !is_image(::dirfd(folder), entry->d_name)) continue;
      names.append(entry->d_name).append(kind == Kind::kFolder ? "/" : "").push_back('\0');
    }
    if (errno != 0) fail();
    return names;
  }

  // With the slash behind folders, the order of names is that of the whole paths.
  static std::vector<std::size_t> sorted(const std::string& names) {
    std::vector<std::size_t> places;
    places.reserve(static_cast<std::size_t>(std::count(names.begin(), names.end(), '\0')));
    for (std::size_t at = 0; at < names.size(); at = names.find('\0', at) + 1) places.push_back(at);
    std::sort(places.begin(), places.end(), [&](std::size_t a, std::size_t b) {
      return std::strcmp(names.c_str() + a, names.c_str() + b) < 0;  // as unsigned bytes
    });
    return places;
  }

  void take_entry(int folder, const char* entry) {
    const std::string_view name(entry);
    if (name.back() != '/') {
      const std::string_view folder_path = below();
      scan_.image_names.append(folder_path).append(folder_path.empty() ? "" : "/");
      scan_.image_names.append(name).push_back('\0');
      return;
    }
    const std::size_t parent_bytes = path_.size();
    path_.append("/").append(name.substr(0, name.size() - 1));
    enter(folder, path_.c_str() + parent_bytes + 1);
    path_.resize(parent_bytes);
  }

  std::string_view below() const {
    return std::string_view(path_).substr(std::min(root_bytes_, path_.size()));
  }

  [[noreturn]] void fail() const {
    throw DataError(fmt::format("cannot list the folder '{}': {}", path_, std::strerror(errno)));
  }

  std::string path_;  // of the folder that is being listed
  std::size_t root_bytes_;
  std::vector<Place> ancestors_;
  FolderScan scan_;
};

}  // namespace

FolderScan scan_folder(const std::string& root) {
  return Scan(root).take();
}

FolderState folder_state(const std::string& path) {
  struct stat status {};

  return ::stat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode) ? state_of(status)
                                                                       : FolderState{};
}

}  // namespace sslrun::data
