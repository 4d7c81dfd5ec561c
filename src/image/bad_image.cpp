#include "image/bad_image.h"

#include <fmt/format.h>

namespace sslrun::image {

void check_size(std::int64_t width, std::int64_t height) {
  if (width < 1 || height < 1) {
    throw BadImage(fmt::format("corrupt: {} x {} pixels in the header", width, height));
  }
  if (width > kMaxPixels / height) {
    throw BadImage(
        fmt::format("too large: {} x {} pixels, at most {} are read", width, height, kMaxPixels));
  }
}

void check_density(std::int64_t units, std::size_t num_bytes, std::int64_t most_per_byte) {
  if (units / most_per_byte <= static_cast<std::int64_t>(num_bytes)) return;
  throw BadImage(
      fmt::format("truncated: the file's {} bytes are too few for its header's pixels", num_bytes));
}

}  // namespace sslrun::image
