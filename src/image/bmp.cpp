#include "image/bmp.h"

#include "image/bad_image.h"
#include "image/composite.h"
#include "image/number.h"

#include <fmt/format.h>

#include <array>
#include <bit>
#include <cstdint>
#include <vector>

namespace sslrun::image {

namespace {

constexpr std::uint32_t kPlain = 0, kBitfields = 3, kAlphaBitfields = 6;
constexpr std::size_t kFileHeader = 14;

std::uint32_t little_endian(std::span<const std::byte> bytes,
                            std::size_t offset,
                            std::size_t size) {
  return number_at(bytes, offset, size, std::endian::little);
}

struct Header {
  std::int64_t width = 0, height = 0;
  bool top_down = false;
  std::size_t pixels_at = 0, palette_at = 0, palette_entry = 4;
  std::uint32_t bits = 0, colors = 0;
  std::array<std::uint32_t, 4> masks{};  // red, green, blue, alpha (0: none)
};

Header read_header(std::span<const std::byte> bytes) {
  Header h;
  h.pixels_at = little_endian(bytes, 10, 4);
  const std::uint32_t size = little_endian(bytes, 14, 4);
  std::uint32_t compression = kPlain;
  if (size == 12) {  // OS/2
    h.width = little_endian(bytes, 18, 2);
    h.height = little_endian(bytes, 20, 2);
    h.bits = little_endian(bytes, 24, 2);
    h.palette_entry = 3;
  } else if (size >= 40 && size <= 124) {
    h.width = static_cast<std::int32_t>(little_endian(bytes, 18, 4));
    h.height = static_cast<std::int32_t>(little_endian(bytes, 22, 4));
    h.bits = little_endian(bytes, 28, 2);
    compression = little_endian(bytes, 30, 4);
    h.colors = little_endian(bytes, 46, 4);
  } else {
    throw BadImage(fmt::format("unsupported format: bmp with a header of {} bytes", size));
  }
  h.top_down = h.height < 0;
  if (h.top_down) h.height = -h.height;
  check_size(h.width, h.height);
  if (h.bits == 16) h.masks = {0x7C00, 0x03E0, 0x001F, 0};
  if (h.bits == 32) h.masks = {0xFF0000, 0x00FF00, 0x0000FF, 0};
  h.palette_at = kFileHeader + size;
  if (compression == kBitfields || compression == kAlphaBitfields) {
    if (h.bits != 16 && h.bits != 32)
      throw BadImage(fmt::format("corrupt: a bmp of {} bits with masks", h.bits));
    const bool alpha = size >= 56 || compression == kAlphaBitfields;
    for (std::size_t c = 0; c < (alpha ? 4u : 3u); ++c)
      h.masks[c] = little_endian(bytes, 54 + 4 * c, 4);
  } else if (compression != kPlain) {
    throw BadImage(fmt::format("unsupported format: bmp of compression {}", compression));
  }
  return h;
}

std::uint8_t masked(std::uint32_t pixel, std::uint32_t mask) {
  if (mask == 0) return 0;
  const std::uint64_t most = mask >> std::countr_zero(mask);
  const std::uint64_t value = (pixel & mask) >> std::countr_zero(mask);
  return static_cast<std::uint8_t>((value * 255 + most / 2) / most);
}

std::vector<std::array<std::uint8_t, 3>> read_palette(std::span<const std::byte> bytes,
                                                      const Header& h) {
  if (h.bits > 8) return {};
  const std::size_t most = std::size_t{1} << h.bits;
  const std::size_t count = h.colors == 0 || h.colors > most ? most : h.colors;
  std::vector<std::array<std::uint8_t, 3>> palette(most);  // what the file does not name is black
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t at = h.palette_at + i * h.palette_entry;
    if (at + h.palette_entry > h.pixels_at) break;
    for (std::size_t c = 0; c < 3; ++c)
      palette[i][c] = static_cast<std::uint8_t>(little_endian(bytes, at + 2 - c, 1));
  }
  return palette;
}

}  // namespace

int decode_bmp(std::span<const std::byte> bytes, const PixelFormat& format, Image& out) {
  const Header h = read_header(bytes);
  if (h.bits != 1 && h.bits != 4 && h.bits != 8 && h.bits != 16 && h.bits != 24 && h.bits != 32)
    throw BadImage(fmt::format("unsupported format: bmp of {} bits a pixel", h.bits));
  const std::size_t row_bytes = (static_cast<std::size_t>(h.width) * h.bits + 31) / 32 * 4;
  const std::size_t need = row_bytes * static_cast<std::size_t>(h.height);
  if (h.pixels_at > bytes.size() || need > bytes.size() - h.pixels_at)
    throw BadImage("truncated: the bmp ends before its pixels do");
  const auto palette = read_palette(bytes, h);
  const std::int64_t channels = h.masks[3] != 0 ? 4 : 3;
  out.reshape(h.width, h.height, channels);
  for (std::int64_t y = 0; y < h.height; ++y) {
    const std::int64_t stored = h.top_down ? y : h.height - 1 - y;
    const std::byte* row =
        bytes.data() + h.pixels_at + static_cast<std::size_t>(stored) * row_bytes;
    const auto byte = [&](std::size_t i) { return static_cast<std::uint32_t>(row[i]); };
    std::uint8_t* to = out.pixels.data() + y * h.width * channels;
    for (std::size_t x = 0; x < static_cast<std::size_t>(h.width); ++x) {
      if (h.bits <= 8) {
        const std::size_t bit = x * h.bits;
        const std::uint32_t index = byte(bit / 8) >> (8 - h.bits - bit % 8) & ((1u << h.bits) - 1);
        for (const std::uint8_t value : palette[index]) *to++ = value;
      } else if (h.bits == 24) {
        for (std::size_t c = 3; c-- > 0;) *to++ = static_cast<std::uint8_t>(byte(3 * x + c));
      } else {
        std::uint32_t pixel = 0;
        for (std::size_t i = h.bits / 8; i-- > 0;) pixel = pixel << 8 | byte(x * h.bits / 8 + i);
        for (std::int64_t c = 0; c < channels; ++c)
          *to++ = masked(pixel, h.masks[static_cast<std::size_t>(c)]);
      }
    }
  }
  to_rgb(out, format.background);
  return 1;
}

}  // namespace sslrun::image
