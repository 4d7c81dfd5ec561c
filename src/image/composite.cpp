#include "image/composite.h"

#include "base/error.h"

namespace sslrun::image {

namespace {

std::uint8_t on_white(int value, int alpha) {
  return static_cast<std::uint8_t>((value * alpha + 255 * (255 - alpha) + 127) / 255);
}

}  // namespace

void to_rgb(Image& image) {
  check_invariant(image.channels >= 1 && image.channels <= 4, "to_rgb takes 1 to 4 channels");
  if (image.channels == 3) return;
  const std::int64_t num_pixels = image.width * image.height, channels = image.channels;
  if (channels == 4) {  // shrinks: front to back, then the tail goes
    std::uint8_t* p = image.pixels.data();
    for (std::int64_t i = 0; i < num_pixels; ++i) {
      const std::uint8_t* from = p + 4 * i;
      const int alpha = from[3];
      for (int c = 0; c < 3; ++c) p[3 * i + c] = on_white(from[c], alpha);
    }
    return image.reshape(image.width, image.height, 3);
  }
  image.reshape(image.width, image.height, 3);  // grows: back to front
  std::uint8_t* p = image.pixels.data();
  for (std::int64_t i = num_pixels - 1; i >= 0; --i) {
    const std::uint8_t* from = p + channels * i;
    const std::uint8_t gray = channels == 1 ? from[0] : on_white(from[0], from[1]);
    p[3 * i] = p[3 * i + 1] = p[3 * i + 2] = gray;
  }
}

}  // namespace sslrun::image
