// Writes the images of a data set as tar shards.
#pragma once
#include "data/source.h"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace sslrun::data {

/// What an image is written as instead of its file's bytes.
struct Recoded {
  std::string bytes;
  const char* ending;  // ".jpg" or ".png"
};

struct PackOptions {
  std::int64_t shard_bytes = 0;   // a shard ends before it grows longer; 0: no limit
  std::int64_t shard_images = 0;  // images that it holds at most; 0: no limit
  /// Asked for each image file, from many threads; nothing: its bytes stay. errors: BadImage. Empty:
  /// the bytes of all that can be decoded stay.
  std::function<std::optional<Recoded>(std::span<const std::byte>)> recode = {};
  std::string recoding = {};  // what recode does, in words: a pack goes on only with the same
};

struct BadFile {
  std::string name, reason;
};

struct PackResult {
  std::int64_t images = 0, recoded = 0, shards = 0, bytes = 0;
  std::vector<BadFile> bad;  // left out, in order
};

/// Writes shard-000000.tar, .. to the folder `out` in the order of the source, each whole or not at
/// all; kClassNamesFile where the source has labels, and kPackFile, which also lists what was left
/// out because it cannot be decoded. Killed and called again, it goes on with the shard that it was
/// at, and ends with the same bytes; called on its result, it only reads kPackFile. progress gets the
/// number of images done, those of earlier calls included.
///
/// Members   a file's path below the source, its bytes as they are, then .cls with the class's number.
///           Dots before its ending become "_", since WebDataset's key ends at the first dot; an
///           ending that no image has is kept in the key, and the content's own added; ".." becomes
///           "_". A key that is taken gets "-2", "-3", .. at its end. Images that are no files (IDX,
///           CIFAR, synthetic) become PNG.
/// errors    UsageError where `out` holds anything else, or shards of other images or options,
///           or where images of 16 bits are no files;
///           DataError where no image can be used, or another process packs there; StorageError.
PackResult pack(const Source& source,
                const std::string& out,
                const PackOptions& options,
                const std::function<void(std::int64_t)>& progress);

}  // namespace sslrun::data
