#include "data/folder_source.h"

#include "base/error.h"
#include "data/fingerprint.h"
#include "data/image_file.h"
#include "image/decode.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <string_view>
#include <utility>
#include <vector>

namespace sslrun::data {

namespace fs = std::filesystem;

namespace {

constexpr std::size_t kMaxDepth = 64;

// Opens the file only where its name does not tell.
bool is_image(const std::string& path) {
  if (has_image_ending(path)) return true;
  const Descriptor file(path);
  std::array<std::byte, image::kSniffBytes> head{};
  const std::int64_t count = file.get() < 0 ? 0 : read_at(file.get(), 0, head);
  return count > 0 && looks_like_image(path, {head.data(), static_cast<std::size_t>(count)});
}

// Walks a tree once and lists the images' paths below its root.
class Scan {
 public:
  explicit Scan(std::string root) : root_(std::move(root)) { enter(""); }

  std::vector<std::string> take() {
    std::sort(paths_.begin(), paths_.end(), [](const std::string& a, const std::string& b) {
      return std::string_view(a) < std::string_view(b);  // char_traits compares as unsigned bytes
    });
    return std::move(paths_);
  }

 private:
  using Place = std::pair<dev_t, ino_t>;

  void enter(const std::string& below) {
    const std::string folder = below.empty() ? root_ : root_ + "/" + below;

    struct stat status {};

    if (::stat(folder.c_str(), &status) != 0) return fail(folder, errno);
    const Place place{status.st_dev, status.st_ino};
    if (ancestors_.size() > kMaxDepth ||
        std::find(ancestors_.begin(), ancestors_.end(), place) != ancestors_.end()) {
      return;
    }
    ancestors_.push_back(place);
    std::error_code error;
    fs::directory_iterator entries(folder, error);
    for (; !error && entries != fs::directory_iterator(); entries.increment(error)) {
      const std::string name = entries->path().filename().string();
      if (name.starts_with('.')) continue;
      std::error_code ignored;
      const std::string path = below.empty() ? name : below + "/" + name;
      if (entries->is_directory(ignored)) {
        enter(path);
      } else if (takes(*entries, root_ + "/" + path)) {
        paths_.push_back(path);
      }
    }
    if (error) fail(folder, error.value());
    ancestors_.pop_back();
  }

  // A link whose target is gone counts when its name is an image's: it is reported as bad, not
  // lost.
  static bool takes(const fs::directory_entry& entry, const std::string& path) {
    std::error_code ignored;
    if (entry.is_regular_file(ignored)) return is_image(path);
    return entry.is_symlink(ignored) && !entry.exists(ignored) && is_image(path);
  }

  static void fail(const std::string& folder, int code) {
    throw DataError(fmt::format("cannot list the folder '{}': {}", folder, std::strerror(code)));
  }

  std::string root_;
  std::vector<Place> ancestors_;
  std::vector<std::string> paths_;
};

class FolderSource final : public Source {
 public:
  FolderSource(const std::string& root, const image::PixelFormat& pixels)
      : root_(root), pixels_(pixels), paths_(Scan(root).take()) {
    if (paths_.empty()) {
      throw DataError(
          fmt::format("no image below '{}': put JPEG, PNG, WebP, TIFF, GIF, BMP or PNM files "
                      "there, at any depth",
                      root));
    }
    label_by_folder();
    std::string names;
    for (const std::string& path : paths_) names.append(path).push_back('\0');
    fingerprint_ = make_fingerprint("folder", size(), names);
  }

  std::int64_t size() const override { return static_cast<std::int64_t>(paths_.size()); }

  std::string name(std::int64_t i) const override { return paths_.at(static_cast<std::size_t>(i)); }

  void decode(std::int64_t,
              std::span<const std::byte> bytes,
              const image::Wanted& wanted,
              image::Image& out) const override {
    image::decode(bytes, pixels_, wanted, out);
  }

  bool read_file(std::int64_t i, std::vector<std::byte>& bytes) const override {
    read_image_file(root_ + "/" + paths_.at(static_cast<std::size_t>(i)), bytes);
    return true;
  }

  std::span<const std::int64_t> labels() const override { return labels_; }

  std::vector<std::string> class_names() const override { return class_names_; }

  std::string fingerprint() const override { return fingerprint_; }

 private:
  void label_by_folder() {
    for (const std::string& path : paths_) {
      const std::size_t slash = path.find('/');
      if (slash == std::string::npos) {
        class_names_.clear();
        return;
      }
      class_names_.push_back(path.substr(0, slash));
      // Paths are sorted, so equal names mostly follow each other: the list stays short.
      if (class_names_.size() > 1 && class_names_[class_names_.size() - 2] == class_names_.back()) {
        class_names_.pop_back();
      }
    }
    std::sort(class_names_.begin(), class_names_.end());
    class_names_.erase(std::unique(class_names_.begin(), class_names_.end()), class_names_.end());
    labels_.reserve(paths_.size());
    for (const std::string& path : paths_) {
      const auto found = std::lower_bound(
          class_names_.begin(), class_names_.end(), path.substr(0, path.find('/')));
      labels_.push_back(found - class_names_.begin());
    }
  }

  std::string root_;
  image::PixelFormat pixels_;
  std::vector<std::string> paths_;
  std::vector<std::int64_t> labels_;
  std::vector<std::string> class_names_;
  std::string fingerprint_;
};

}  // namespace

std::unique_ptr<Source> open_folder(const std::string& root, const image::PixelFormat& pixels) {
  return std::make_unique<FolderSource>(root, pixels);
}

}  // namespace sslrun::data
