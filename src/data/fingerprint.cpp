#include "data/fingerprint.h"

#include <fmt/format.h>
#include <xxhash.h>

namespace sslrun::data {

std::string make_fingerprint(std::string_view kind,
                             std::int64_t num_images,
                             std::string_view content) {
  return fmt::format(
      "{}:{}:{:016x}", kind, num_images, XXH3_64bits(content.data(), content.size()));
}

}  // namespace sslrun::data
