// What one tar archive holds: its images and their labels.
#pragma once
#include "data/name_table.h"
#include "data/tar.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace sslrun::data {

/// Key of a member: its name up to the first dot of its last part.
std::string_view key_of(std::string_view name);

/// Images of one archive, in its order.
struct ShardIndex {
  static constexpr std::int64_t kNoImage = -1;
  static constexpr std::int32_t kNoLabel = -1;

  struct Image {
    std::int64_t offset = 0;
    std::int64_t size = 0;          // kNoImage: the key has no image, names its .cls, .txt or .json
    std::int32_t label = kNoLabel;  // number in `labels`
  };

  std::vector<Image> images;
  NameTable names;                  // of the images
  std::vector<std::string> labels;  // the different labels, in the order in which they appear
};

/// Reads the archive to its end. errors: as open_shards.
ShardIndex index_shard(TarReader& reader, const std::string& shard);

}  // namespace sslrun::data
