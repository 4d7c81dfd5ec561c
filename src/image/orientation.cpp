#include "image/orientation.h"

#include "image/number.h"

#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstring>
#include <utility>
#include <vector>

namespace sslrun::image {

namespace {

constexpr std::uint32_t kOrientationTag = 0x0112;
constexpr std::uint32_t kShortType = 3;

}  // namespace

int exif_orientation(std::span<const std::byte> tiff) {
  if (tiff.size() < 14) return 1;
  const bool big = std::memcmp(tiff.data(), "MM\0*", 4) == 0;
  if (!big && std::memcmp(tiff.data(), "II*\0", 4) != 0) return 1;
  const auto at = [&](std::size_t offset, std::size_t size) {
    return number_at(tiff, offset, size, big ? std::endian::big : std::endian::little);
  };
  const std::size_t ifd = at(4, 4);
  if (ifd > tiff.size() - 2) return 1;
  const std::size_t num_entries = at(ifd, 2);
  for (std::size_t k = 0; k < num_entries; ++k) {
    const std::size_t entry = ifd + 2 + 12 * k;
    if (entry + 12 > tiff.size()) return 1;
    if (at(entry, 2) != kOrientationTag) continue;
    if (at(entry + 2, 2) != kShortType) return 1;
    const std::uint32_t value = at(entry + 8, 2);
    return value >= 1 && value <= 8 ? static_cast<int>(value) : 1;
  }
  return 1;
}

void apply_orientation(int orientation, Image& image) {
  if (orientation < 2 || orientation > 8) return;
  const bool swaps = orientation >= 5;
  const std::int64_t width = swaps ? image.height : image.width;
  const std::int64_t height = swaps ? image.width : image.height;
  const std::int64_t c = image.stride();
  // Stored column and row of the upright image's pixel (x, y).
  const bool flip_x = orientation == 2 || orientation == 3 || orientation == 7 || orientation == 8;
  const bool flip_y = orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7;
  std::vector<std::uint8_t> upright(image.pixels.size());
  std::uint8_t* to = upright.data();
  for (std::int64_t y = 0; y < height; ++y) {
    for (std::int64_t x = 0; x < width; ++x, to += c) {
      std::int64_t column = swaps ? y : x;
      std::int64_t row = swaps ? x : y;
      if (flip_x) column = image.width - 1 - column;
      if (flip_y) row = image.height - 1 - row;
      std::copy_n(image.pixels.data() + (row * image.width + column) * c, c, to);
    }
  }
  image.pixels = std::move(upright);
  image.width = image.whole_width = width;
  image.height = image.whole_height = height;
}

}  // namespace sslrun::image
