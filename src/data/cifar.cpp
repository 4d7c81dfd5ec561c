#include "data/cifar.h"

#include "base/error.h"
#include "data/binary_file.h"
#include "data/memory_source.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <string_view>
#include <utility>
#include <vector>

namespace sslrun::data {

namespace fs = std::filesystem;

namespace {

constexpr std::int64_t kSide = 32;
constexpr std::size_t kPixelBytes = 3 * kSide * kSide;
constexpr std::uintmax_t kMostBytes = std::uintmax_t{1} << 30;
constexpr std::size_t kMostNameBytes = std::size_t{1} << 16;

// One of the two sets: its files and how many label bytes stand before the pixels; the last of them
// is the label.
struct Layout {
  std::string_view inner_folder;
  std::string_view names_file;
  std::vector<std::string_view> train_files;
  std::string_view test_file;
  std::size_t label_bytes;
  std::int64_t num_classes;
};

const std::vector<Layout>& layouts() {
  static const std::vector<Layout> both = {
      {"cifar-10-batches-bin",
       "batches.meta.txt",
       {"data_batch_1.bin",
        "data_batch_2.bin",
        "data_batch_3.bin",
        "data_batch_4.bin",
        "data_batch_5.bin"},
       "test_batch.bin",
       1,
       10},
      {"cifar-100-binary", "fine_label_names.txt", {"train.bin"}, "test.bin", 2, 100},
  };
  return both;
}

bool is_file(const fs::path& path) {
  std::error_code ignored;
  return fs::is_regular_file(path, ignored);
}

// Folder and layout of the set at path; layout null when there is none.
std::pair<fs::path, const Layout*> find_set(const std::string& path) {
  for (const Layout& layout : layouts()) {
    for (const fs::path& folder : {fs::path(path), fs::path(path) / layout.inner_folder}) {
      if (is_file(folder / layout.train_files[0]) || is_file(folder / layout.test_file))
        return {folder, &layout};
    }
  }
  return {path, nullptr};
}

// The layout of one file: told by its size, and by its name where both would fit.
const Layout* layout_of(const fs::path& file) {
  std::error_code ignored;
  const std::uintmax_t size = fs::file_size(file, ignored);
  const std::string name = file.filename().string();
  const Layout* fitting = nullptr;
  for (const Layout& layout : layouts()) {
    if (size == 0 || size % (layout.label_bytes + kPixelBytes) != 0) continue;
    const auto& names = layout.train_files;
    if (name == layout.test_file || std::find(names.begin(), names.end(), name) != names.end())
      return &layout;
    if (fitting == nullptr) fitting = &layout;
  }
  return fitting;
}

// Pixels and labels of the set's records, one file after the other.
struct Records {
  std::vector<std::uint8_t> pixels;
  std::vector<std::int64_t> labels;
};

void append_records(const fs::path& path, const Layout& layout, Records& records) {
  const std::size_t record = layout.label_bytes + kPixelBytes;
  std::error_code error;
  const std::uintmax_t size = fs::file_size(path, error);
  if (error) throw DataError(fmt::format("cannot read '{}': {}", path.string(), error.message()));
  if (size == 0 || size % record != 0 || size > kMostBytes) {
    throw DataError(
        fmt::format("'{}' must hold whole records of {} bytes, 1 GiB at most, got {} bytes; fetch "
                    "it again, and unpack it where it is packed",
                    path.string(),
                    record,
                    size));
  }
  const std::vector<std::uint8_t> bytes = read_binary_tail(path.string(), 0, size);
  for (std::size_t at = 0; at < bytes.size(); at += record) {
    const std::int64_t label = bytes[at + layout.label_bytes - 1];
    if (label >= layout.num_classes) {
      throw DataError(
          fmt::format("'{}' must hold labels below {}, got {} in record {}: it is not of this set",
                      path.string(),
                      layout.num_classes,
                      label,
                      at / record));
    }
    records.labels.push_back(label);
    const auto pixels = bytes.begin() + static_cast<std::ptrdiff_t>(at + layout.label_bytes);
    records.pixels.insert(records.pixels.end(), pixels, pixels + kPixelBytes);
  }
}

std::vector<std::string> read_class_names(const fs::path& path, std::int64_t num_classes) {
  std::vector<std::string> names;
  if (is_file(path)) {
    const std::string text = read_binary_head(path.string(), kMostNameBytes);
    for (std::size_t at = 0; at < text.size();) {
      const std::size_t end = std::min(text.find('\n', at), text.size());
      std::string line = text.substr(at, end - at);
      if (line.ends_with('\r')) line.pop_back();
      if (!line.empty()) names.push_back(std::move(line));
      at = end + 1;
    }
  }
  if (static_cast<std::int64_t>(names.size()) == num_classes) return names;
  names.clear();
  for (std::int64_t k = 0; k < num_classes; ++k) names.push_back(fmt::format("{}", k));
  return names;
}

}  // namespace

bool has_cifar(const std::string& folder) {
  return find_set(folder).second != nullptr;
}

std::unique_ptr<Source> open_cifar(const std::string& path,
                                   Split split,
                                   const image::PixelFormat& pixels) {
  const bool one_file = is_file(path);
  const auto [folder, layout] =
      one_file ? std::pair(fs::path(path).parent_path(), layout_of(path)) : find_set(path);
  if (layout == nullptr) {
    throw DataError(
        one_file
            ? fmt::format(
                  "'{}' must hold whole records of 3073 bytes (CIFAR-10) or 3074 (CIFAR-100)", path)
            : fmt::format(
                  "'{}' must hold data_batch_1.bin (CIFAR-10) or train.bin (CIFAR-100), the binary "
                  "version; neither is there",
                  path));
  }
  Records records;
  MemoryImages images;
  images.origin =
      fmt::format("{}-{}", folder.filename().string(), split == Split::kTrain ? "train" : "test");
  images.width = kSide;
  images.height = kSide;
  images.channels = 3;
  if (one_file) {
    images.origin = fs::path(path).filename().string();
    append_records(path, *layout, records);
  } else if (split == Split::kTest) {
    append_records(folder / layout->test_file, *layout, records);
  } else {
    for (const std::string_view file : layout->train_files)
      append_records(folder / file, *layout, records);
  }
  images.num_images = static_cast<std::int64_t>(records.labels.size());
  images.labels = std::move(records.labels);
  images.load = [pixels = std::move(records.pixels)]() mutable { return std::move(pixels); };
  images.class_names = read_class_names(folder / layout->names_file, layout->num_classes);
  return make_memory_source(std::move(images), pixels);
}

}  // namespace sslrun::data
