#include "views/recode.h"

#include "image/decode.h"
#include "image/jpeg_write.h"
#include "image/png_write.h"
#include "views/resize_image.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <utility>
#include <vector>

namespace sslrun::views {

namespace {

constexpr int kQuality = 90;
constexpr std::int64_t kMostJpegSide = 65500;

// Whether 8 opaque bits a channel hold all of a file: 16 bits on black are those on white, widened.
bool is_plain(std::span<const std::byte> bytes, const image::Image& on_white) {
  if (image::sniff(bytes) == image::Format::kJpeg) return true;
  thread_local image::Image wide;
  image::decode(bytes, {.channels = 3, .bits = 16, .background = 0}, {}, wide);
  for (std::size_t i = 0; i < on_white.pixels.size(); ++i) {
    std::uint16_t value = 0;
    std::memcpy(&value, wide.pixels.data() + 2 * i, 2);
    if (value != on_white.pixels[i] * 257) return false;
  }
  return true;
}

image::Image resized(const image::Image& from, std::int64_t height, std::int64_t width) {
  thread_local std::vector<float> planes;
  const std::int64_t plane = height * width;
  planes.resize(static_cast<std::size_t>(from.channels * plane));
  resize_box(from,
             {0, 0, from.height, from.width},
             kernels::ResizeFilter::kBicubic,
             height,
             width,
             planes.data());
  image::Image out;
  out.reshape(width, height, from.channels);
  for (std::int64_t i = 0; i < plane * from.channels; ++i) {
    const float value =
        planes[static_cast<std::size_t>(i % from.channels * plane + i / from.channels)];
    out.pixels[static_cast<std::size_t>(i)] = static_cast<std::uint8_t>(std::lrint(value * 255.F));
  }
  return out;
}

// One channel where all three are equal everywhere.
void drop_equal_channels(image::Image& image) {
  const auto& p = image.pixels;
  for (std::size_t i = 0; i < p.size(); i += 3)
    if (p[i] != p[i + 1] || p[i] != p[i + 2]) return;
  image::Image gray;
  gray.reshape(image.width, image.height, 1);
  for (std::size_t i = 0; i < gray.pixels.size(); ++i) gray.pixels[i] = p[3 * i];
  image = std::move(gray);
}

}  // namespace

std::string RecodeOptions::words() const {
  std::string out;
  if (short_side > 0) out = fmt::format("short side {}", short_side);
  if (quality > 0) out += fmt::format("{}quality {}", out.empty() ? "" : ", ", quality);
  return out;
}

std::optional<data::Recoded> recode(std::span<const std::byte> bytes,
                                    const RecodeOptions& options) {
  image::Image image;
  image::decode(bytes, image);
  const std::int64_t shorter = std::min(image.width, image.height);
  const bool smaller = options.short_side > 0 && shorter > options.short_side;
  if ((!smaller && options.quality == 0) || !is_plain(bytes, image)) return std::nullopt;
  if (smaller) {
    image = resized(image,
                    options.short_side * image.height / shorter,
                    options.short_side * image.width / shorter);
  }
  drop_equal_channels(image);
  const bool as_jpeg = options.quality > 0 || image::sniff(bytes) == image::Format::kJpeg;
  if (!as_jpeg) return data::Recoded{image::encode_png(image), ".png"};
  if (std::max(image.width, image.height) > kMostJpegSide) return std::nullopt;
  const int quality = options.quality > 0 ? options.quality : kQuality;
  return data::Recoded{image::encode_jpeg(image, quality, image::Chroma::kHalf), ".jpg"};
}

}  // namespace sslrun::views
