#include "image/pnm.h"

#include "image/bad_image.h"
#include "image/composite.h"

#include <fmt/format.h>

#include <cstdint>

namespace sslrun::image {

namespace {

constexpr std::int64_t kMostSample = 65535;

// Reads a header's words and an ASCII file's samples.
class Reader {
 public:
  explicit Reader(std::span<const std::byte> bytes) : bytes_(bytes) {}

  std::span<const std::byte> rest() const { return bytes_.subspan(at_); }

  /// The next number; comments and blanks before it are skipped.
  std::int64_t number() {
    skip_blanks();
    std::int64_t value = 0;
    const std::size_t start = at_;
    while (at_ < bytes_.size() && is_digit(here())) {
      value = value * 10 + (here() - '0');
      if (value > INT32_MAX) throw BadImage("corrupt: a pnm's number is too large");
      ++at_;
    }
    if (at_ == start) fail();
    return value;
  }

  /// The next '0' or '1' of a plain bitmap: no blank need stand between two.
  std::int64_t bit() {
    skip_blanks();
    if (at_ >= bytes_.size() || (here() != '0' && here() != '1')) fail();
    return bytes_[at_++] == std::byte{'1'} ? 1 : 0;
  }

  /// The single blank between a header and binary samples.
  void blank() {
    if (at_ >= bytes_.size() || !is_blank(here())) fail();
    ++at_;
  }

  void skip(std::size_t count) { at_ += count; }

 private:
  static bool is_digit(char c) { return c >= '0' && c <= '9'; }

  static bool is_blank(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

  char here() const { return static_cast<char>(bytes_[at_]); }

  void skip_blanks() {
    while (at_ < bytes_.size() && (is_blank(here()) || here() == '#')) {
      if (here() == '#') {
        while (at_ < bytes_.size() && here() != '\n' && here() != '\r') ++at_;
      } else {
        ++at_;
      }
    }
  }

  [[noreturn]] void fail() const {
    if (at_ >= bytes_.size()) throw BadImage("truncated: the pnm ends before its pixels do");
    throw BadImage("corrupt: a pnm holds something else than a number");
  }

  std::span<const std::byte> bytes_;
  std::size_t at_ = 0;
};

// From 0..most to 0..out_most, rounded to nearest.
std::int64_t scaled(std::int64_t value, std::int64_t most, std::int64_t out_most) {
  if (value > most) throw BadImage("corrupt: a pnm's sample is larger than its largest");
  return (value * out_most + most / 2) / most;
}

}  // namespace

int decode_pnm(std::span<const std::byte> bytes, const PixelFormat& format, Image& out) {
  const char kind = static_cast<char>(bytes[1]);
  const bool bitmap = kind == '1' || kind == '4', plain = kind <= '3';
  Reader reader(bytes);
  reader.skip(2);
  const std::int64_t width = reader.number(), height = reader.number();
  check_size(width, height);
  const std::int64_t most = bitmap ? 1 : reader.number();
  if (most < 1 || most > kMostSample)
    throw BadImage(fmt::format("corrupt: a pnm's largest sample must be 1 to 65535, got {}", most));
  const std::int64_t channels = kind == '3' || kind == '6' ? 3 : 1;
  const std::int64_t row = width * channels;
  const std::int64_t sample_bytes = most > 255 ? 2 : 1;
  const std::int64_t row_bytes = bitmap ? (width + 7) / 8 : row * sample_bytes;
  if (!plain) reader.blank();
  // A plain sample takes a byte at least, so a header cannot ask for memory that the file lacks.
  const std::int64_t need = plain ? row * height : row_bytes * height;
  if (need > static_cast<std::int64_t>(reader.rest().size()))
    throw BadImage("truncated: the pnm ends before its pixels do");
  const bool wide = format.bits == 16;
  const std::int64_t out_most = wide ? 65535 : 255;
  out.reshape(width, height, channels, format.bits);
  const std::byte* from = reader.rest().data();
  for (std::int64_t y = 0; y < height; ++y) {
    const auto byte = [&](std::int64_t i) {
      return static_cast<std::int64_t>(from[y * row_bytes + i]);
    };
    const auto sample = [&](std::int64_t i) -> std::int64_t {
      if (bitmap)  // 1 is black
        return 1 - (plain ? reader.bit() : byte(i / 8) >> (7 - i % 8) & 1);
      if (plain) return reader.number();
      return sample_bytes == 1 ? byte(i) : byte(2 * i) << 8 | byte(2 * i + 1);
    };
    for (std::int64_t i = 0; i < row; ++i) {
      const std::int64_t value = scaled(sample(i), most, out_most);
      if (wide) {
        reinterpret_cast<std::uint16_t*>(out.pixels.data())[y * row + i] =
            static_cast<std::uint16_t>(value);
      } else {
        out.pixels[static_cast<std::size_t>(y * row + i)] = static_cast<std::uint8_t>(value);
      }
    }
  }
  if (is_picture(format)) to_rgb(out, format.background);
  return 1;
}

}  // namespace sslrun::image
