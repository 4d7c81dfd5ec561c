#include "data/folder_source.h"

#include "base/error.h"
#include "data/fingerprint.h"
#include "data/folder_index.h"
#include "data/image_file.h"
#include "image/bad_image.h"
#include "image/decode.h"

#include <fmt/format.h>
#include <xxhash.h>

#include <algorithm>
#include <atomic>
#include <string_view>
#include <utility>
#include <vector>

namespace sslrun::data {

namespace {

// Up to a terabyte of data in a million images: 24 bytes an image beside its name.
class FolderSource final : public Source {
 public:
  FolderSource(const std::string& root, const image::PixelFormat& pixels)
      : root_(root), pixels_(pixels), names_(index_folder(root).image_names) {
    if (names_.empty()) {
      throw DataError(
          fmt::format("no image below '{}': put JPEG, PNG, WebP, TIFF, GIF, BMP or PNM files "
                      "there, at any depth",
                      root));
    }
    places_.reserve(static_cast<std::size_t>(std::count(names_.begin(), names_.end(), '\0')));
    for (std::size_t at = 0; at < names_.size(); at = names_.find('\0', at) + 1)
      places_.push_back(at);
    contents_ = std::vector<std::atomic<std::uint64_t>>(places_.size());
    label_by_folder();
    fingerprint_ = make_fingerprint("folder", size(), names_);
  }

  std::int64_t size() const override { return static_cast<std::int64_t>(places_.size()); }

  std::string name(std::int64_t i) const override {
    return names_.c_str() + places_.at(static_cast<std::size_t>(i));
  }

  void decode(std::int64_t,
              std::span<const std::byte> bytes,
              const image::Wanted& wanted,
              image::Image& out) const override {
    image::decode(bytes, pixels_, wanted, out);
  }

  bool read_file(std::int64_t i, std::vector<std::byte>& bytes) const override {
    read_image_file(root_ + "/" + name(i), bytes);
    require_unchanged(i, bytes);
    return true;
  }

  std::span<const std::int64_t> labels() const override { return labels_; }

  std::vector<std::string> class_names() const override { return class_names_; }

  std::string fingerprint() const override { return fingerprint_; }

 private:
  // The first level of a name; empty where the image lies in the root.
  std::string_view class_of(std::size_t place) const {
    const std::string_view name(names_.c_str() + place);
    const std::size_t slash = name.find('/');
    return slash == std::string_view::npos ? std::string_view() : name.substr(0, slash);
  }

  void label_by_folder() {
    std::vector<std::string_view> classes;
    for (const std::size_t place : places_) {
      const std::string_view its = class_of(place);
      if (its.empty()) return;
      // Names are sorted: those of a class follow each other.
      if (classes.empty() || classes.back() != its) classes.push_back(its);
    }
    std::sort(classes.begin(), classes.end());
    labels_.reserve(places_.size());
    for (const std::size_t place : places_) {
      const std::string_view its = class_of(place);
      const auto last = labels_.empty() ? classes.end() : classes.begin() + labels_.back();
      const auto found = last != classes.end() && *last == its
                             ? last
                             : std::lower_bound(classes.begin(), classes.end(), its);
      labels_.push_back(found - classes.begin());
    }
    class_names_.assign(classes.begin(), classes.end());
  }

  // A run over other bytes than at first could not be repeated. By content: times say that a file
  // changed when somebody touched it, and depend on the clocks of network file systems.
  void require_unchanged(std::int64_t i, std::span<const std::byte> bytes) const {
    const std::uint64_t content = XXH3_64bits(bytes.data(), bytes.size()) | 1;  // 0: not read yet
    std::uint64_t before = 0;
    if (contents_[static_cast<std::size_t>(i)].compare_exchange_strong(before, content)) return;
    if (before != content)
      throw image::BadImage("changed: the file holds other bytes than when it was read before");
  }

  std::string root_;
  image::PixelFormat pixels_;
  std::string names_;  // each ended by a zero byte
  std::vector<std::size_t> places_;
  std::vector<std::int64_t> labels_;
  std::vector<std::string> class_names_;
  std::string fingerprint_;
  mutable std::vector<std::atomic<std::uint64_t>> contents_;  // hash at the first read
};

}  // namespace

std::unique_ptr<Source> open_folder(const std::string& root, const image::PixelFormat& pixels) {
  return std::make_unique<FolderSource>(root, pixels);
}

}  // namespace sslrun::data
