#include "data/list_source.h"

#include "base/error.h"
#include "data/class_numbers.h"
#include "data/fingerprint.h"
#include "data/image_file.h"
#include "data/name_table.h"
#include "image/decode.h"

#include <fmt/format.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <set>
#include <string_view>
#include <utility>
#include <vector>

namespace sslrun::data {

namespace {

constexpr std::size_t kMostPathBytes = 4096;
constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

class ListSource final : public Source {
 public:
  ListSource(const std::string& path, const image::PixelFormat& pixels)
      : list_(path), folder_(std::filesystem::path(path).parent_path()), pixels_(pixels) {
    std::vector<std::string> classes;  // of each image, empty where it has none
    std::ifstream in(path, std::ios::binary);
    std::int64_t number = 0;
    for (std::string line; std::getline(in, line);) take(line, ++number, classes);
    if (!in.eof())
      throw DataError(fmt::format("cannot read the list '{}': {}", path, std::strerror(errno)));
    if (names_.size() == 0)
      throw DataError(fmt::format("no image in the list '{}': it must have a path a line", path));
    fingerprint_ = make_fingerprint("list", size(), names_.bytes());
    if (classes.front().empty()) return;
    const ClassNumbers numbers({classes.begin(), classes.end()});
    for (const std::string& c : classes) labels_.push_back(numbers.of(c));
    class_names_ = numbers.names();
  }

  std::int64_t size() const override { return names_.size(); }

  std::string name(std::int64_t i) const override { return names_.at(i); }

  void decode(std::int64_t,
              std::span<const std::byte> bytes,
              const image::Wanted& wanted,
              image::Image& out) const override {
    image::decode(bytes, pixels_, wanted, out);
  }

  bool read_file(std::int64_t i, std::vector<std::byte>& bytes) const override {
    read_image_file((folder_ / names_.at(i)).string(), bytes);
    return true;
  }

  std::span<const std::int64_t> labels() const override { return labels_; }

  std::vector<std::string> class_names() const override { return class_names_; }

  std::string fingerprint() const override { return fingerprint_; }

 private:
  void take(std::string_view line, std::int64_t number, std::vector<std::string>& classes) {
    if (number == 1 && line.starts_with(kByteOrderMark)) line.remove_prefix(kByteOrderMark.size());
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.empty() || line.front() == '#') return;
    const std::size_t tab = line.find('\t');
    const std::string_view path = line.substr(0, tab);
    const std::string_view label = tab == std::string_view::npos ? "" : line.substr(tab + 1);
    const auto require = [&](bool holds, std::string_view what) {
      if (!holds) throw DataError(fmt::format("'{}', line {}: {}", list_, number, what));
    };
    require(line.find('\0') == std::string_view::npos, "a list must be text, got a zero byte");
    require(!path.empty(), "a path must stand before the tab");
    require(path.size() <= kMostPathBytes,
            fmt::format("a path must have at most {} bytes, got {}", kMostPathBytes, path.size()));
    require(tab == std::string_view::npos || !label.empty(), "a class must follow the tab");
    require(label.find('\t') == std::string_view::npos,
            "a line must be a path, or a path, a tab and a class, got another tab");
    require(classes.empty() || classes.front().empty() == label.empty(),
            label.empty() ? "a tab and a class must follow the path, as in the lines before"
                          : "no class must follow the path, as in the lines before");
    names_.add(path);
    classes.emplace_back(label);
  }

  std::string list_;
  std::filesystem::path folder_;
  image::PixelFormat pixels_;
  NameTable names_;
  std::vector<std::int64_t> labels_;
  std::vector<std::string> class_names_;
  std::string fingerprint_;
};

}  // namespace

std::unique_ptr<Source> open_list(const std::string& path, const image::PixelFormat& pixels) {
  return std::make_unique<ListSource>(path, pixels);
}

}  // namespace sslrun::data
