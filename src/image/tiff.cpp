#include "image/tiff.h"

#include "image/bad_image.h"
#include "image/composite.h"

#include <fmt/format.h>
#include <tiffio.h>

#include <algorithm>
#include <array>
#include <cstdarg>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <memory>
#include <vector>

namespace sslrun::image {

namespace {

// The file in memory as libtiff reads it, and what it complained about.
struct Stream {
  std::span<const std::byte> bytes;
  std::uint64_t at = 0;
  bool past_end = false;
  std::array<char, 200> message{};  // the first one
};

Stream& stream_of(thandle_t handle) {
  return *static_cast<Stream*>(handle);
}

extern "C" {

static tmsize_t on_read(thandle_t handle, void* to, tmsize_t size) {
  Stream& s = stream_of(handle);
  const std::uint64_t left = s.at < s.bytes.size() ? s.bytes.size() - s.at : 0;
  const std::uint64_t n = std::min(left, static_cast<std::uint64_t>(size));
  if (n < static_cast<std::uint64_t>(size)) s.past_end = true;
  if (n > 0) std::memcpy(to, s.bytes.data() + s.at, n);
  s.at += n;
  return static_cast<tmsize_t>(n);
}

static tmsize_t on_write(thandle_t, void*, tmsize_t) {
  return 0;
}

static toff_t on_seek(thandle_t handle, toff_t offset, int from) {
  Stream& s = stream_of(handle);
  const std::uint64_t base = from == SEEK_CUR ? s.at : from == SEEK_END ? s.bytes.size() : 0;
  s.at = base + offset;
  return s.at;
}

static int on_close(thandle_t) {
  return 0;
}

static toff_t on_size(thandle_t handle) {
  return stream_of(handle).bytes.size();
}

static void on_error(thandle_t handle, const char*, const char* format, va_list values) {
  Stream& s = stream_of(handle);
  if (s.message[0] == '\0') std::vsnprintf(s.message.data(), s.message.size(), format, values);
}

}  // extern "C"

struct Close {
  void operator()(TIFF* tiff) const { TIFFClose(tiff); }
};

using Tiff = std::unique_ptr<TIFF, Close>;

[[noreturn]] void throw_reason(const Stream& s) {
  if (s.past_end) throw BadImage("truncated: the tiff ends before its pixels do");
  const char* text = s.message.data();
  throw BadImage(fmt::format("corrupt: {}", *text == '\0' ? "libtiff cannot read it" : text));
}

struct Layout {
  std::int64_t width = 0, height = 0;
  int samples = 1, bits = 1;
  std::uint16_t format = SAMPLEFORMAT_UINT, photometric = 0, orientation = 1;
  bool separate = false;  // one plane per channel
  bool alpha = false;     // straight or premultiplied, the last channel that is used
  bool premultiplied = false;
  int colors = 1;    // 1 gray, 3 RGB
  int channels = 0;  // that are used: 1 gray, 2 gray and alpha, 3 RGB, 4 RGBA
};

// The first page's header. Missing tags have the defaults of TIFF 6.0.
Layout read_layout(TIFF* tiff, const Stream& stream) {
  Layout l;
  std::uint32_t width = 0, height = 0;
  if (TIFFGetField(tiff, TIFFTAG_IMAGEWIDTH, &width) == 0 ||
      TIFFGetField(tiff, TIFFTAG_IMAGELENGTH, &height) == 0) {
    throw_reason(stream);
  }
  l.width = width;
  l.height = height;
  check_size(l.width, l.height);
  const auto field = [&](std::uint32_t tag) {
    std::uint16_t value = 0;
    TIFFGetFieldDefaulted(tiff, tag, &value);
    return value;
  };
  l.samples = field(TIFFTAG_SAMPLESPERPIXEL);
  l.bits = field(TIFFTAG_BITSPERSAMPLE);
  l.format = field(TIFFTAG_SAMPLEFORMAT);
  l.separate = field(TIFFTAG_PLANARCONFIG) == PLANARCONFIG_SEPARATE;
  l.orientation = field(TIFFTAG_ORIENTATION);
  if (TIFFGetField(tiff, TIFFTAG_PHOTOMETRIC, &l.photometric) == 0)
    l.photometric = l.samples >= 3 ? PHOTOMETRIC_RGB : PHOTOMETRIC_MINISBLACK;
  l.colors = l.photometric == PHOTOMETRIC_RGB ? 3 : 1;
  std::uint16_t extras = 0, *kinds = nullptr;
  if (TIFFGetField(tiff, TIFFTAG_EXTRASAMPLES, &extras, &kinds) == 0) extras = 0;
  if (extras > 0 && l.samples > l.colors) {
    l.premultiplied = kinds[0] == EXTRASAMPLE_ASSOCALPHA;
    l.alpha = l.premultiplied || kinds[0] == EXTRASAMPLE_UNASSALPHA;
  }
  l.channels = l.colors + (l.alpha ? 1 : 0);
  return l;
}

// What is read sample by sample below; the rest is left to libtiff's own conversion.
bool is_plain(const Layout& l) {
  const bool gray =
      l.photometric == PHOTOMETRIC_MINISBLACK || l.photometric == PHOTOMETRIC_MINISWHITE;
  return (gray || l.photometric == PHOTOMETRIC_RGB) && (l.bits == 8 || l.bits == 16) &&
         l.samples >= l.channels;
}

// Of compressions without a bound of their own: more than a bit for each row of a blank fax.
constexpr std::int64_t kOtherDensity = 1 << 18;

void check_density_of(TIFF* tiff, const Layout& l, std::size_t num_bytes) {
  std::uint16_t compression = COMPRESSION_NONE;
  TIFFGetFieldDefaulted(tiff, TIFFTAG_COMPRESSION, &compression);
  std::int64_t density = kOtherDensity;
  if (compression == COMPRESSION_NONE || compression == 0) density = 1;  // 0: a header says nothing
  if (compression == COMPRESSION_PACKBITS) density = 64;                 // 128 bytes for two
  if (compression == COMPRESSION_LZW) density = kLzwDensity;
  if (compression == COMPRESSION_DEFLATE || compression == COMPRESSION_ADOBE_DEFLATE)
    density = kDeflateDensity;
  const int samples = l.photometric == PHOTOMETRIC_YCBCR ? 1 : l.samples;  // colour at any scale
  const double units = static_cast<double>(l.width * l.height) * samples * l.bits / 8;
  check_density(static_cast<std::int64_t>(units), num_bytes, density);
}

// Copies the channels that are used from stored samples to pixels. Between 8 and 16 bits they are
// scaled, rounded to nearest.
class Painter {
 public:
  Painter(const Layout& layout, Image& out) : l_(layout), out_(out) {}

  /// A block of stored rows: row_bytes apart, its left top corner at (left, top); `plane` is the
  /// channel that it holds where planes are separate.
  void paint(const std::uint8_t* from,
             std::int64_t row_bytes,
             std::int64_t left,
             std::int64_t top,
             std::int64_t width,
             std::int64_t height,
             int plane) {
    if (out_.bits == 16)
      paint_as<std::uint16_t>(from, row_bytes, left, top, width, height, plane);
    else
      paint_as<std::uint8_t>(from, row_bytes, left, top, width, height, plane);
  }

 private:
  template <class Sample>
  void paint_as(const std::uint8_t* from,
                std::int64_t row_bytes,
                std::int64_t left,
                std::int64_t top,
                std::int64_t width,
                std::int64_t height,
                int plane) {
    const int stored = l_.separate ? 1 : l_.samples;
    const int first = l_.separate ? plane : 0, count = l_.separate ? 1 : l_.channels;
    if (first >= l_.channels) return;
    width = std::min(width, l_.width - left);
    height = std::min(height, l_.height - top);
    for (std::int64_t y = 0; y < height; ++y, from += row_bytes) {
      Sample* to = reinterpret_cast<Sample*>(out_.pixels.data()) +
                   ((top + y) * l_.width + left) * l_.channels + first;
      for (std::int64_t x = 0; x < width; ++x, to += l_.channels) {
        for (int c = 0; c < count; ++c) to[c] = sample<Sample>(from, x * stored + c);
      }
    }
  }

  template <class Sample>
  Sample sample(const std::uint8_t* from, std::int64_t i) const {
    constexpr bool kWide = sizeof(Sample) == 2;
    if (l_.bits == 8) return static_cast<Sample>(from[i] * (kWide ? 257 : 1));
    std::uint16_t wide;
    std::memcpy(&wide, from + 2 * i, 2);  // libtiff has put its bytes into the machine's order
    return static_cast<Sample>(kWide ? wide : (wide * 255u + 32895u) >> 16);
  }

  const Layout& l_;
  Image& out_;
};

void read_tiles(TIFF* tiff, const Layout& l, Painter& painter, const Stream& stream) {
  std::uint32_t width = 0, height = 0;
  TIFFGetField(tiff, TIFFTAG_TILEWIDTH, &width);
  TIFFGetField(tiff, TIFFTAG_TILELENGTH, &height);
  check_size(width, height);
  const tmsize_t size = TIFFTileSize(tiff);
  const tmsize_t row_bytes = TIFFTileRowSize(tiff);
  if (size <= 0 || row_bytes <= 0) throw_reason(stream);
  std::vector<std::uint8_t> block(static_cast<std::size_t>(size));
  for (int plane = 0; plane < (l.separate ? l.channels : 1); ++plane) {
    for (std::int64_t top = 0; top < l.height; top += height) {
      for (std::int64_t left = 0; left < l.width; left += width) {
        const auto tile = TIFFComputeTile(tiff,
                                          static_cast<std::uint32_t>(left),
                                          static_cast<std::uint32_t>(top),
                                          0,
                                          static_cast<std::uint16_t>(plane));
        if (TIFFReadEncodedTile(tiff, tile, block.data(), size) != size) throw_reason(stream);
        painter.paint(block.data(), row_bytes, left, top, width, height, plane);
      }
    }
  }
}

void read_strips(TIFF* tiff, const Layout& l, Painter& painter, const Stream& stream) {
  std::uint32_t rows = 0;
  TIFFGetFieldDefaulted(tiff, TIFFTAG_ROWSPERSTRIP, &rows);
  const std::int64_t per_strip = std::min<std::int64_t>(rows, l.height);
  const tmsize_t size = TIFFStripSize(tiff);
  const tmsize_t row_bytes = TIFFScanlineSize(tiff);
  if (per_strip < 1 || size <= 0 || row_bytes <= 0) throw_reason(stream);
  std::vector<std::uint8_t> block(static_cast<std::size_t>(size));
  for (int plane = 0; plane < (l.separate ? l.channels : 1); ++plane) {
    for (std::int64_t top = 0; top < l.height; top += per_strip) {
      const std::int64_t height = std::min(per_strip, l.height - top);
      const auto strip = TIFFComputeStrip(
          tiff, static_cast<std::uint32_t>(top), static_cast<std::uint16_t>(plane));
      const tmsize_t want = height * row_bytes;
      if (TIFFReadEncodedStrip(tiff, strip, block.data(), want) != want) throw_reason(stream);
      painter.paint(block.data(), row_bytes, 0, top, l.width, height, plane);
    }
  }
}

// Colours that a premultiplied alpha has darkened already, on the background.
template <class Sample>
void composite_premultiplied(Image& image, std::uint8_t background) {
  constexpr std::int64_t kMost = static_cast<Sample>(-1);
  const std::int64_t colors = image.channels - 1;
  auto* p = reinterpret_cast<Sample*>(image.pixels.data());
  for (std::int64_t i = 0; i < image.width * image.height; ++i, p += image.channels) {
    const std::int64_t behind = (background * (kMost - p[colors]) + 127) / 255;
    for (std::int64_t c = 0; c < colors; ++c)
      p[c] = static_cast<Sample>(std::min(p[c] + behind, kMost));
    p[colors] = kMost;
  }
}

template <class Sample>
void invert_first(Image& image) {
  auto* p = reinterpret_cast<Sample*>(image.pixels.data());
  for (std::int64_t i = 0; i < image.width * image.height; ++i, p += image.channels)
    p[0] = static_cast<Sample>(static_cast<Sample>(-1) - p[0]);
}

// Palettes, 1 to 4 bits, YCbCr, CMYK, L*a*b*: as libtiff converts them, 8 bits.
void read_converted(TIFF* tiff,
                    const Layout& l,
                    std::uint8_t background,
                    Image& out,
                    const Stream& stream) {
  std::array<char, 1024> why{};
  if (TIFFRGBAImageOK(tiff, why.data()) == 0)
    throw BadImage(fmt::format("unsupported format: tiff: {}", why.data()));
  out.reshape(l.width, l.height, 4);
  std::vector<std::uint32_t> raster(static_cast<std::size_t>(l.width * l.height));
  // Stored order: turning it upright is the caller's.
  if (TIFFReadRGBAImageOriented(tiff,
                                static_cast<std::uint32_t>(l.width),
                                static_cast<std::uint32_t>(l.height),
                                raster.data(),
                                l.orientation,
                                1) == 0) {
    throw_reason(stream);
  }
  for (std::size_t i = 0; i < raster.size(); ++i) {
    std::uint8_t* to = out.pixels.data() + 4 * i;
    to[0] = static_cast<std::uint8_t>(TIFFGetR(raster[i]));
    to[1] = static_cast<std::uint8_t>(TIFFGetG(raster[i]));
    to[2] = static_cast<std::uint8_t>(TIFFGetB(raster[i]));
    to[3] = static_cast<std::uint8_t>(TIFFGetA(raster[i]));
  }
  // libtiff multiplies by a straight alpha itself.
  composite_premultiplied<std::uint8_t>(out, background);
  to_rgb(out, background);
}

Tiff open(Stream& stream) {
  // The extended handlers get the stream, so threads do not meet; the plain ones stay silent.
  static const bool silent = [] {
    TIFFSetErrorHandler(nullptr);
    TIFFSetWarningHandler(nullptr);
    TIFFSetErrorHandlerExt(on_error);
    return true;
  }();
  static_cast<void>(silent);
  return Tiff(TIFFClientOpen(
      "memory", "rm", &stream, on_read, on_write, on_seek, on_close, on_size, nullptr, nullptr));
}

}  // namespace

int decode_tiff(std::span<const std::byte> bytes, const PixelFormat& format, Image& out) {
  Stream stream{bytes, 0, false, {}};
  const Tiff tiff = open(stream);
  if (!tiff) throw_reason(stream);
  Layout l = read_layout(tiff.get(), stream);
  const int orientation = l.orientation >= 1 && l.orientation <= 8 ? l.orientation : 1;
  if (l.format != SAMPLEFORMAT_UINT && l.format != SAMPLEFORMAT_VOID) {
    throw BadImage(
        fmt::format("unsupported format: tiff with {} bit {} samples; convert to 8 or "
                    "16 bit integers",
                    l.bits,
                    l.format == SAMPLEFORMAT_IEEEFP ? "float" : "signed or complex"));
  }
  if (!is_picture(format)) {
    if (l.bits != 8 && l.bits != 16)
      throw BadImage(fmt::format("unsupported format: tiff with {} bits a channel", l.bits));
    l.colors = l.channels = l.samples;
    l.alpha = l.premultiplied = false;
    if (l.channels != format.channels) {  // before memory is taken
      throw BadImage(fmt::format(
          "unsupported format: {} channels, and data.channels is {}", l.channels, format.channels));
    }
  } else if (!is_plain(l)) {
    check_density_of(tiff.get(), l, bytes.size());
    read_converted(tiff.get(), l, format.background, out, stream);
    return orientation;
  }
  if (l.samples > l.colors + 1)
    throw BadImage(fmt::format(
        "unsupported format: tiff with {0} channels; data.channels: {0} takes them", l.samples));
  check_density_of(tiff.get(), l, bytes.size());
  out.reshape(l.width, l.height, l.channels, format.bits);
  Painter painter(l, out);
  if (TIFFIsTiled(tiff.get()) != 0)
    read_tiles(tiff.get(), l, painter, stream);
  else
    read_strips(tiff.get(), l, painter, stream);
  if (l.photometric == PHOTOMETRIC_MINISWHITE) {
    out.bits == 16 ? invert_first<std::uint16_t>(out) : invert_first<std::uint8_t>(out);
  }
  if (l.premultiplied) {
    out.bits == 16 ? composite_premultiplied<std::uint16_t>(out, format.background)
                   : composite_premultiplied<std::uint8_t>(out, format.background);
  }
  if (is_picture(format)) to_rgb(out, format.background);
  return orientation;
}

}  // namespace sslrun::image
