#include "image/composite.h"

#include "base/error.h"
#include "image/bad_image.h"

#include <fmt/format.h>

#include <utility>
#include <vector>

namespace sslrun::image {

namespace {

// Samples are read and written through these, whatever their width.
template <class Sample>
struct Samples {
  static constexpr std::uint64_t kMost = static_cast<Sample>(-1);

  static Sample* of(Image& image) { return reinterpret_cast<Sample*>(image.pixels.data()); }

  static Sample over(std::uint64_t value, std::uint64_t alpha, std::uint64_t background) {
    return static_cast<Sample>((value * alpha + background * (kMost - alpha) + kMost / 2) / kMost);
  }
};

template <class Sample>
void composite(Image& image, std::uint8_t background) {
  using S = Samples<Sample>;
  const std::uint64_t behind = background * (S::kMost / 255);
  const std::int64_t num_pixels = image.width * image.height, channels = image.channels;
  if (channels == 4) {  // shrinks: front to back, then the tail goes
    Sample* p = S::of(image);
    for (std::int64_t i = 0; i < num_pixels; ++i) {
      const Sample* from = p + 4 * i;
      const Sample alpha = from[3];
      for (int c = 0; c < 3; ++c) p[3 * i + c] = S::over(from[c], alpha, behind);
    }
    return image.reshape(image.width, image.height, 3, image.bits);
  }
  image.reshape(image.width, image.height, 3, image.bits);  // grows: back to front
  Sample* p = S::of(image);
  for (std::int64_t i = num_pixels - 1; i >= 0; --i) {
    const Sample* from = p + channels * i;
    const Sample gray = channels == 1 ? from[0] : S::over(from[0], from[1], behind);
    p[3 * i] = p[3 * i + 1] = p[3 * i + 2] = gray;
  }
}

template <class Sample>
void to_gray(Image& image) {
  Sample* p = Samples<Sample>::of(image);
  const std::size_t num_pixels = image.pixels.size() / static_cast<std::size_t>(image.stride());
  for (std::size_t i = 0; i < num_pixels; ++i) {
    const std::uint32_t r = p[3 * i], g = p[3 * i + 1], b = p[3 * i + 2];
    p[i] = static_cast<Sample>((299 * r + 587 * g + 114 * b + 500) / 1000);
  }
  image.channels = 1;
  image.pixels.resize(num_pixels * sizeof(Sample));
}

void widen(Image& image) {
  const std::size_t n = image.pixels.size();
  image.pixels.resize(2 * n);
  for (std::size_t i = n; i-- > 0;)  // v * 257 is the byte twice
    image.pixels[2 * i] = image.pixels[2 * i + 1] = image.pixels[i];
  image.bits = 16;
}

}  // namespace

void to_rgb(Image& image, std::uint8_t background) {
  check_invariant(image.channels >= 1 && image.channels <= 4, "to_rgb takes 1 to 4 channels");
  if (image.channels == 3) return;
  image.bits == 16 ? composite<std::uint16_t>(image, background)
                   : composite<std::uint8_t>(image, background);
}

void conform(const PixelFormat& format, Image& image) {
  if (format.channels == 1 && image.channels == 3)
    image.bits == 16 ? to_gray<std::uint16_t>(image) : to_gray<std::uint8_t>(image);
  if (image.channels != format.channels) {
    throw BadImage(fmt::format("unsupported format: {} channels, and data.channels is {}",
                               image.channels,
                               format.channels));
  }
  if (format.bits == 16 && image.bits == 8) widen(image);
  check_invariant(image.bits == format.bits, "a decoder makes 16 bits only where they are kept");
}

}  // namespace sslrun::image
