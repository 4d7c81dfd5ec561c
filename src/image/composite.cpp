#include "image/composite.h"

#include "base/error.h"
#include "image/bad_image.h"

#include <fmt/format.h>

#include <algorithm>
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

void apply_window(const std::array<std::uint16_t, 2>& window, Image& image) {
  const std::int64_t low = window[0], span = window[1] - window[0];
  check_invariant(image.bits == 16 && span > 0, "a window spreads levels of 16 bits");
  auto* p = reinterpret_cast<std::uint16_t*>(image.pixels.data());
  for (std::size_t i = 0; i < image.pixels.size() / 2; ++i) {
    const std::int64_t inside = std::clamp<std::int64_t>(p[i] - low, 0, span);
    p[i] = static_cast<std::uint16_t>((inside * 65535 + span / 2) / span);
  }
}

void narrow(Image& image) {
  const std::size_t n = image.pixels.size() / 2;
  const auto* p = reinterpret_cast<const std::uint16_t*>(image.pixels.data());
  for (std::size_t i = 0; i < n; ++i)
    image.pixels[i] = static_cast<std::uint8_t>((p[i] * 255u + 32895u) >> 16);
  image.pixels.resize(n);
  image.bits = 8;
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
  const bool spread = has_window(format);
  if (image.bits == 8 && (spread || format.bits == 16)) widen(image);
  if (spread) apply_window(format.window, image);
  if (image.bits == 16 && format.bits == 8) narrow(image);
}

}  // namespace sslrun::image
