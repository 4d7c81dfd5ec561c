#include "data/source.h"

#include "base/error.h"
#include "data/cifar.h"
#include "data/folder_source.h"
#include "data/idx.h"
#include "data/list_source.h"
#include "data/shards.h"
#include "data/synthetic.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

namespace sslrun::data {

namespace fs = std::filesystem;

namespace {

bool is_folder(const fs::path& path) {
  std::error_code ignored;
  return fs::is_directory(path, ignored);
}

// A folder that holds train/ beside val/ or test/ is two data sets: the one asked for.
std::string choose_split(const std::string& path, Split split) {
  const fs::path train = fs::path(path) / "train";
  if (!is_folder(train)) return path;
  for (const char* name : {"val", "test"}) {
    const fs::path test = fs::path(path) / name;
    if (is_folder(test)) return (split == Split::kTrain ? train : test).string();
  }
  return path;
}

std::string_view guess_format(const std::string& path, Split split) {
  if (!is_folder(path)) {
    if (path.ends_with(".bin")) return "cifar";
    if (has_shards(path)) return "shards";
    if (path.ends_with(".txt") || path.ends_with(".lst")) return "list";
    return path.find("idx3-ubyte") != std::string::npos ? "idx" : "folder";
  }
  if (has_idx(path, split)) return "idx";
  if (has_cifar(path)) return "cifar";
  if (has_shards(choose_split(path, split))) return "shards";
  return "folder";
}

}  // namespace

std::string format_names() {
  return fmt::format(
      "{} or {}", fmt::join(kFormats.begin(), kFormats.end() - 1, ", "), kFormats.back());
}

bool has_data(const std::string& path, std::error_code& error) {
  return fs::exists(path, error) || is_synthetic(path);
}

void Source::read(std::int64_t i, image::Image& out, const image::Wanted& wanted) const {
  thread_local std::vector<std::byte> bytes;
  read_file(i, bytes);
  decode(i, bytes, wanted, out);
}

bool Source::read_file(std::int64_t, std::vector<std::byte>& bytes) const {
  bytes.clear();
  return false;
}

std::unique_ptr<Source> open_source(const std::string& path,
                                    std::string_view format,
                                    Split split,
                                    const image::PixelFormat& pixels) {
  if (std::find(kFormats.begin(), kFormats.end(), format) == kFormats.end())
    throw UsageError(fmt::format("a data format must be {}, got '{}'", format_names(), format));
  std::error_code error;
  if (format == "synthetic" || (format == "auto" && is_synthetic(path) && !fs::exists(path, error)))
    return open_synthetic(path, split, pixels);
  if (!fs::exists(path, error)) {
    throw DataError(fmt::format("no data at '{}': {}; give the path of a folder of images",
                                path,
                                error ? error.message() : "there is no such file or folder"));
  }
  const std::string_view chosen = format == "auto" ? guess_format(path, split) : format;
  if (chosen == "idx") return open_idx(path, split, pixels);
  if (chosen == "cifar") return open_cifar(path, split, pixels);
  if (chosen == "list") return open_list(path, pixels);
  const std::string half = choose_split(path, split);
  return chosen == "shards" ? open_shards(half, split, pixels) : open_folder(half, pixels);
}

}  // namespace sslrun::data
