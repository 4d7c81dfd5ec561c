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

}  // namespace sslrun::image
