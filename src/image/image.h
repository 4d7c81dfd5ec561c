// An image in memory: 8 bits a channel, interleaved.
#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

namespace sslrun::image {

/// Pixels of one image. shapes: pixels [height, width, channels] row-major (HWC), no padding
/// between rows. units: 0..255. Reusing one Image for many decodes keeps its memory.
struct Image {
  std::int64_t width = 0;
  std::int64_t height = 0;
  std::int64_t channels = 0;
  std::vector<std::uint8_t> pixels;

  /// Sets the shape; pixels become width * height * channels bytes of unspecified content.
  void reshape(std::int64_t new_width, std::int64_t new_height, std::int64_t new_channels) {
    width = new_width;
    height = new_height;
    channels = new_channels;
    pixels.resize(static_cast<std::size_t>(width * height * channels));
  }
};

}  // namespace sslrun::image
