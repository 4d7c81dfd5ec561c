#include "data/idx.h"

#include "base/error.h"
#include "data/binary_file.h"
#include "data/memory_source.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

namespace sslrun::data {

namespace fs = std::filesystem;

namespace {

constexpr std::array<std::string_view, 2> kPrefixes = {"train", "t10k"};
constexpr std::uint32_t kByteImages = 0x0803;  // type 8: unsigned bytes; 3 dimensions
constexpr std::uint32_t kByteLabels = 0x0801;
constexpr std::uint64_t kMostBytes = std::uint64_t{16} << 30;

// The file of that split and kind ("images-idx3") under one of the names in use.
std::optional<std::string> find_file(const std::string& folder,
                                     Split split,
                                     std::string_view kind) {
  const std::string_view prefix = kPrefixes[split == Split::kTrain ? 0 : 1];
  std::string dotted(kind);
  dotted[dotted.find('-')] = '.';
  for (const std::string& stem :
       {fmt::format("{}-{}-ubyte", prefix, kind), fmt::format("{}-{}-ubyte", prefix, dotted)}) {
    for (const std::string_view ending : {"", ".gz"}) {
      const std::string path = (fs::path(folder) / (stem + std::string(ending))).string();
      std::error_code ignored;
      if (fs::is_regular_file(path, ignored)) return path;
    }
  }
  return std::nullopt;
}

// The labels' name for a file of images: images -> labels, idx3 -> idx1 in the last component.
std::optional<std::string> labels_beside(const std::string& images_path) {
  const fs::path path(images_path);
  std::string name = path.filename().string();
  const std::size_t word = name.find("images");
  const std::size_t kind = name.find("idx3");
  if (word == std::string::npos || kind == std::string::npos) return std::nullopt;
  name.replace(word, 6, "labels");
  name.replace(kind, 4, "idx1");
  for (const std::string& candidate :
       {name, name.ends_with(".gz") ? name.substr(0, name.size() - 3) : name + ".gz"}) {
    const fs::path labels = path.parent_path() / candidate;
    std::error_code ignored;
    if (fs::is_regular_file(labels, ignored)) return labels.string();
  }
  return std::nullopt;
}

std::uint32_t big_endian(std::string_view bytes, std::size_t offset) {
  std::uint32_t value = 0;
  for (std::size_t k = 0; k < 4; ++k)
    value = value << 8 | static_cast<std::uint8_t>(bytes[offset + k]);
  return value;
}

struct Header {
  std::vector<std::int64_t> dims;
  std::size_t header_bytes = 0;
  std::uint64_t body_bytes = 0;  // what the dimensions come to
};

// Reads the header and holds the file's length against it, without unpacking the rest as a rule.
Header read_header(const std::string& path, std::uint32_t magic) {
  const std::size_t rank = magic & 0xFF;
  Header header{.dims = {}, .header_bytes = 4 + 4 * rank, .body_bytes = 1};
  const std::string head = read_binary_head(path, header.header_bytes);
  if (head.size() < 4 || big_endian(head, 0) != magic) {
    throw DataError(fmt::format("'{}' must begin with the IDX number {:#010x} ({}); it does not",
                                path,
                                magic,
                                rank == 3 ? "bytes, 3 dimensions" : "bytes, 1 dimension"));
  }
  if (head.size() < header.header_bytes) {
    throw DataError(fmt::format("'{}' is cut inside its header; fetch it again", path));
  }
  bool too_many = false;  // more than any file holds, and perhaps more than 64 bits do
  for (std::size_t k = 0; k < rank; ++k) {
    header.dims.push_back(big_endian(head, 4 + 4 * k));
    const auto dim = static_cast<std::uint64_t>(header.dims.back());
    too_many = too_many || (dim != 0 && header.body_bytes > kMostBytes / dim);
    if (!too_many) header.body_bytes *= dim;
  }
  if (!too_many && has_binary_size(path, header.header_bytes + header.body_bytes)) return header;
  if (too_many) {
    throw DataError(
        fmt::format("'{}' must hold more bytes than the 16 GiB that are read, as its header says; "
                    "fetch it again",
                    path));
  }
  const std::uint64_t num_bytes =
      binary_size(path, header.header_bytes + header.body_bytes) - header.header_bytes;
  if (header.body_bytes != num_bytes) {
    throw DataError(fmt::format(
        "'{}' must hold {} bytes after its header, as that says, got {}{}; fetch it again",
        path,
        header.body_bytes,
        num_bytes,
        num_bytes > header.body_bytes ? " or more" : ""));
  }
  return header;
}

std::vector<std::int64_t> read_labels(const std::string& path, std::size_t num_images) {
  const Header header = read_header(path, kByteLabels);
  const std::int64_t count = header.dims[0];
  if (count != static_cast<std::int64_t>(num_images)) {
    throw DataError(
        fmt::format("'{}' holds {} labels for {} images: the two files are not of one set",
                    path,
                    count,
                    num_images));
  }
  const std::vector<std::uint8_t> bytes = read_binary_tail(path, header.header_bytes, num_images);
  return {bytes.begin(), bytes.end()};
}

}  // namespace

bool has_idx(const std::string& folder, Split split) {
  return find_file(folder, split, "images-idx3").has_value();
}

std::unique_ptr<Source> open_idx(const std::string& path,
                                 Split split,
                                 const image::PixelFormat& pixels) {
  std::error_code ignored;
  std::optional<std::string> images_path;
  std::optional<std::string> labels_path;
  if (fs::is_regular_file(path, ignored)) {
    images_path = path;
    labels_path = labels_beside(path);
  } else {
    images_path = find_file(path, split, "images-idx3");
    labels_path = find_file(path, split, "labels-idx1");
  }
  if (!images_path) {
    throw DataError(
        fmt::format("'{}' must hold {}-images-idx3-ubyte or the same with .gz; neither is there",
                    path,
                    kPrefixes[split == Split::kTrain ? 0 : 1]));
  }
  const Header header = read_header(*images_path, kByteImages);
  MemoryImages images;
  images.origin = fs::path(*images_path).filename().string();
  images.num_images = header.dims[0];
  images.height = header.dims[1];
  images.width = header.dims[2];
  images.channels = 1;
  images.load = [path = *images_path, header] {
    return read_binary_tail(path, header.header_bytes, static_cast<std::size_t>(header.body_bytes));
  };
  if (labels_path) {
    images.labels = read_labels(*labels_path, static_cast<std::size_t>(images.num_images));
    std::int64_t num_classes = 0;
    for (const std::int64_t label : images.labels) num_classes = std::max(num_classes, label + 1);
    for (std::int64_t k = 0; k < num_classes; ++k)
      images.class_names.push_back(fmt::format("{}", k));
  }
  return make_memory_source(std::move(images), pixels);
}

}  // namespace sslrun::data
