#include "data/shards.h"

#include "base/error.h"
#include "base/file.h"
#include "base/thread_pool.h"
#include "data/class_numbers.h"
#include "data/fingerprint.h"
#include "data/image_file.h"
#include "data/name_table.h"
#include "data/shard_index.h"
#include "image/decode.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <optional>
#include <set>
#include <utility>
#include <vector>

namespace sslrun::data {

namespace fs = std::filesystem;

namespace {

constexpr std::size_t kMostOpen = 128;

struct Identity {
  std::int64_t size = 0, modified_s = 0, modified_ns = 0;

  bool operator==(const Identity&) const = default;
};

std::optional<Identity> identity_of(int fd) {
  struct stat status {};

  if (fd < 0 || ::fstat(fd, &status) != 0) return std::nullopt;
  if (!S_ISREG(status.st_mode)) {
    errno = EINVAL;
    return std::nullopt;
  }
  return Identity{status.st_size, status.st_mtim.tv_sec, status.st_mtim.tv_nsec};
}

struct Shard {
  std::string path;
  std::string name;  // its file's
  Identity identity;
  std::unique_ptr<Descriptor> file;  // of the first kMostOpen
};

std::vector<std::string> list_shards(const std::string& path) {
  std::vector<std::string> paths;
  std::error_code error;
  if (!fs::is_directory(path, error)) {
    paths.push_back(path);
    return paths;
  }
  fs::directory_iterator entries(path, error);
  for (; !error && entries != fs::directory_iterator(); entries.increment(error)) {
    const std::string name = entries->path().filename().string();
    std::error_code ignored;
    if (name.ends_with(".tar") && name.front() != '.' && !entries->is_directory(ignored))
      paths.push_back(entries->path().string());
  }
  if (error) throw DataError(fmt::format("cannot list the folder '{}': {}", path, error.message()));
  std::sort(paths.begin(), paths.end());
  return paths;
}

// Whether the word begins in the name of the file, and not within another word ("interval").
bool has_word(const std::string& path, std::string_view word) {
  const std::string name = fs::path(path).filename().string();
  for (std::size_t at = name.find(word); at != std::string::npos; at = name.find(word, at + 1)) {
    const char before = at == 0 ? '-' : name[at - 1];
    if (!((before >= 'a' && before <= 'z') || (before >= 'A' && before <= 'Z'))) return true;
  }
  return false;
}

// Keeps the asked half where the names tell two apart.
void choose_split(Split split, std::vector<std::string>& paths) {
  const auto is_train = [](const std::string& p) { return has_word(p, "train"); };
  const auto is_test = [&](const std::string& p) {
    return !is_train(p) && (has_word(p, "val") || has_word(p, "test"));
  };
  if (std::none_of(paths.begin(), paths.end(), is_train) ||
      std::none_of(paths.begin(), paths.end(), is_test))
    return;
  for (const std::string& p : paths) {
    if (is_train(p) || is_test(p)) continue;
    throw DataError(fmt::format(
        "'{}' must say train, val or test in its name, as other shards of its folder do", p));
  }
  std::erase_if(paths,
                [&](const std::string& p) { return is_train(p) != (split == Split::kTrain); });
}

// Shards of a pack that was stopped lack the rest of the images.
void require_finished(const std::string& folder) {
  const fs::path path = fs::path(folder) / kPackFile;
  std::error_code ignored;
  if (!fs::exists(path, ignored)) return;
  const nlohmann::json state = nlohmann::json::parse(read_file(path), nullptr, false);
  if (!state.is_object() || state.value("done", nlohmann::json()) != false) return;
  throw DataError(fmt::format(
      "'{}' holds a part of a data set: sslrun data pack was stopped; give its command again",
      folder));
}

class ShardSource final : public Source {
 public:
  ShardSource(const std::string& path, Split split, const image::PixelFormat& pixels)
      : pixels_(pixels) {
    require_finished(path);
    std::vector<std::string> paths = list_shards(path);
    choose_split(split, paths);
    if (paths.empty())
      throw DataError(fmt::format("no shard in '{}': it must hold files named .tar", path));
    std::vector<ShardIndex> indexes = open(paths);
    merge(indexes);
    if (images_.empty()) {
      throw DataError(fmt::format("no image in the {} tar file{} of '{}'",
                                  paths.size(),
                                  paths.size() == 1 ? "" : "s",
                                  path));
    }
    number_labels(indexes, fs::is_directory(path) ? path : fs::path(path).parent_path().string());
    // As a folder of the same names in the same order: a run may go on from the one on the other.
    fingerprint_ = make_fingerprint("folder", size(), names_.bytes());
  }

  std::int64_t size() const override { return static_cast<std::int64_t>(images_.size()); }

  std::string name(std::int64_t i) const override {
    return fmt::format("{}/{}", shard_of(i).name, names_.at(i));
  }

  void decode(std::int64_t,
              std::span<const std::byte> bytes,
              const image::Wanted& wanted,
              image::Image& out) const override {
    image::decode(bytes, pixels_, wanted, out);
  }

  bool read_file(std::int64_t i, std::vector<std::byte>& bytes) const override {
    const Image& image = images_.at(static_cast<std::size_t>(i));
    const Shard& shard = shard_of(i);
    if (image.size == ShardIndex::kNoImage)
      throw image::BadImage("no image: the shard holds text alone under this key");
    if (image.size > shard.identity.size - image.offset)
      throw image::BadImage("truncated: the shard ends inside this file");
    if (image.size > kMaxFileBytes) {
      throw image::BadImage(fmt::format(
          "too large: a file of {} bytes, at most {} are read", image.size, kMaxFileBytes));
    }
    std::optional<Descriptor> own;
    if (!shard.file) own.emplace(shard.path);
    const int fd = shard.file ? shard.file->get() : own->get();
    const std::optional<Identity> now = identity_of(fd);
    if (!now) throw_unreadable(shard.path, errno);
    if (*now != shard.identity)
      throw image::BadImage("cannot be read: the shard was changed after it was opened");
    bytes.resize(static_cast<std::size_t>(image.size));
    const std::int64_t count = read_at(fd, image.offset, bytes);
    if (count < 0) throw_unreadable(shard.path, errno);
    bytes.resize(static_cast<std::size_t>(count));
    return true;
  }

  std::span<const std::int64_t> labels() const override { return labels_; }

  std::vector<std::string> class_names() const override { return class_names_; }

  std::string fingerprint() const override { return fingerprint_; }

 private:
  struct Image {
    std::int64_t offset, size;
    std::uint32_t shard;
  };

  const Shard& shard_of(std::int64_t i) const {
    return shards_[images_.at(static_cast<std::size_t>(i)).shard];
  }

  std::vector<ShardIndex> open(const std::vector<std::string>& paths) {
    shards_.resize(paths.size());
    std::vector<ShardIndex> indexes(paths.size());
    parallel_for(
        static_cast<std::int64_t>(paths.size()), [&](std::int64_t begin, std::int64_t end) {
          for (auto k = static_cast<std::size_t>(begin); k < static_cast<std::size_t>(end); ++k) {
            Shard& shard = shards_[k];
            shard.path = paths[k];
            shard.name = fs::path(paths[k]).filename().string();
            auto file = std::make_unique<Descriptor>(shard.path);
            const std::optional<Identity> identity = identity_of(file->get());
            if (!identity) {
              throw DataError(
                  fmt::format("cannot open '{}': {}", shard.path, std::strerror(errno)));
            }
            shard.identity = *identity;
            TarReader reader(file->get(), identity->size, shard.path);
            indexes[k] = index_shard(reader, shard.path);
            if (k < kMostOpen) shard.file = std::move(file);
          }
        });
    return indexes;
  }

  void merge(const std::vector<ShardIndex>& indexes) {
    for (std::size_t k = 0; k < indexes.size(); ++k) {
      for (const ShardIndex::Image& image : indexes[k].images)
        images_.push_back({image.offset, image.size, static_cast<std::uint32_t>(k)});
      names_.add_all(indexes[k].names);
    }
  }

  // Turns each archive's labels into numbers that all share.
  void number_labels(const std::vector<ShardIndex>& indexes, const std::string& folder) {
    std::set<std::string> labels;
    for (const ShardIndex& index : indexes) {
      for (const ShardIndex::Image& image : index.images)
        if (image.label == ShardIndex::kNoLabel && image.size != ShardIndex::kNoImage) return;
      labels.insert(index.labels.begin(), index.labels.end());
    }
    if (labels.empty()) return;
    const ClassNumbers numbers(labels);
    class_names_ = numbers.names();
    if (!numbers.are_words()) read_class_names(folder);
    for (const ShardIndex& index : indexes) {
      for (const ShardIndex::Image& image : index.images) {
        labels_.push_back(image.label == ShardIndex::kNoLabel
                              ? 0  // of a bad image: nobody asks
                              : numbers.of(index.labels[static_cast<std::size_t>(image.label)]));
      }
    }
  }

  // Names the numbers, where the folder does.
  void read_class_names(const std::string& folder) {
    const fs::path path = fs::path(folder) / kClassNamesFile;
    std::error_code ignored;
    if (!fs::exists(path, ignored)) return;
    std::vector<std::string> names;
    std::ifstream in(path, std::ios::binary);
    for (std::string line; std::getline(in, line);) {
      if (line.ends_with('\r')) line.pop_back();
      names.push_back(line);
    }
    if (names.size() < class_names_.size()) {
      throw DataError(fmt::format("'{}' must name a class in each of {} lines, got {}",
                                  path.string(),
                                  class_names_.size(),
                                  names.size()));
    }
    class_names_ = std::move(names);
  }

  image::PixelFormat pixels_;
  std::vector<Shard> shards_;
  std::vector<Image> images_;
  NameTable names_;
  std::vector<std::int64_t> labels_;
  std::vector<std::string> class_names_;
  std::string fingerprint_;
};

}  // namespace

bool has_shards(const std::string& path) {
  std::error_code error;
  if (!fs::is_directory(path, error)) return path.ends_with(".tar");
  bool any = false;
  fs::directory_iterator entries(path, error);
  for (; !error && entries != fs::directory_iterator(); entries.increment(error)) {
    const std::string name = entries->path().filename().string();
    if (name.starts_with('.')) continue;
    std::error_code ignored;
    if (has_image_ending(name) || entries->is_directory(ignored)) return false;
    any = any || name.ends_with(".tar");
  }
  return any;
}

std::unique_ptr<Source> open_shards(const std::string& path,
                                    Split split,
                                    const image::PixelFormat& pixels) {
  return std::make_unique<ShardSource>(path, split, pixels);
}

}  // namespace sslrun::data
