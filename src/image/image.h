// An image in memory: 8 or 16 bits a channel, interleaved.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

namespace sslrun::image {

/// A rectangle of whole pixels.
struct Box {
  std::int64_t top = 0;
  std::int64_t left = 0;
  std::int64_t height = 0;
  std::int64_t width = 0;
};

/// What will be looked at of an image of this height and width: a box inside it, not empty. An empty
/// function stands for all of it.
using Wanted = std::function<Box(std::int64_t height, std::int64_t width)>;

/// What every image of a data set is turned into.
struct PixelFormat {
  std::int64_t channels = 3;      // 1: gray; 3: RGB; another number: what every file must hold
  std::int64_t bits = 8;          // a channel: 8, or 16, which 8 are scaled to
  std::uint8_t background = 255;  // gray level that alpha is composited on
  bool keep_truncated = false;    // a JPEG that was cut is taken with what it has
  std::array<std::uint16_t, 2> window{0, 65535};  // levels of 16 bits that become black and white

  bool operator==(const PixelFormat&) const = default;
};

/// Whether levels are to be spread: of images of 8 bits too, whose 255 is 65535.
inline bool has_window(const PixelFormat& format) {
  return format.window != PixelFormat{}.window;
}

/// Whether images become gray or RGB, so that palettes, alpha and gray files have a meaning.
inline bool is_picture(const PixelFormat& format) {
  return format.channels == 1 || format.channels == 3;
}

/// Pixels of one image, or of the part of it that was wanted and a little around it. shapes: pixels [height, width, channels] row-major (HWC), no padding
/// between rows. units: 0..255, or 0..65535 in two
/// bytes of the machine's order where bits is 16. Reusing one Image for many decodes keeps its memory.
struct Image {
  std::int64_t width = 0;
  std::int64_t height = 0;
  std::int64_t channels = 0;
  std::int64_t bits = 8;
  std::vector<std::uint8_t> pixels;
  std::int64_t whole_width = 0, whole_height = 0;  // of the image that this is a part of
  std::int64_t left = 0, top = 0;                  // where in it

  /// Bytes of a pixel.
  std::int64_t stride() const { return channels * bits / 8; }

  /// Sets the shape of a whole image; pixels become width * height * stride() bytes of unspecified
  /// content.
  void reshape(std::int64_t new_width,
               std::int64_t new_height,
               std::int64_t new_channels,
               std::int64_t new_bits = 8) {
    width = new_width;
    height = new_height;
    channels = new_channels;
    bits = new_bits;
    whole_width = width;
    whole_height = height;
    left = top = 0;
    pixels.resize(static_cast<std::size_t>(width * height * stride()));
  }
};

}  // namespace sslrun::image
