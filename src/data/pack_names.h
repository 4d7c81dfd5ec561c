// How an image is called in a shard.
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <unordered_set>

namespace sslrun::data {

/// Gives each image its key in a shard: its name without the ending, as pack() says.
class PackNames {
 public:
  /// The key of the next image of the source. Depends on this and all names before.
  std::string key(std::string_view name);

 private:
  std::unordered_set<std::uint64_t> taken_;  // hashes: 16 bytes an image, whatever its name
};

/// The ending that the image has in its name, or, where it has none, the one of its content; with the
/// dot.
std::string ending_of(std::string_view name, std::span<const std::byte> bytes);

}  // namespace sslrun::data
