// The names of many images in one piece of memory.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace sslrun::data {

/// A list of names without zero bytes; 9 bytes and the name's own each.
class NameTable {
 public:
  void add(std::string_view name) {
    begins_.push_back(bytes_.size());
    bytes_.append(name).push_back('\0');
  }

  void add_all(const NameTable& other) {
    for (const std::uint64_t begin : other.begins_) begins_.push_back(bytes_.size() + begin);
    bytes_ += other.bytes_;
  }

  const char* at(std::int64_t i) const {
    return bytes_.data() + begins_.at(static_cast<std::size_t>(i));
  }

  std::int64_t size() const { return static_cast<std::int64_t>(begins_.size()); }

  /// All names, a zero byte after each.
  const std::string& bytes() const { return bytes_; }

 private:
  std::vector<std::uint64_t> begins_;
  std::string bytes_;
};

}  // namespace sslrun::data
