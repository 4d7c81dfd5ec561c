#include "image/decode.h"

#include "image/bmp.h"
#include "image/composite.h"
#include "image/gif.h"
#include "image/jpeg.h"
#include "image/orientation.h"
#include "image/png_read.h"
#include "image/pnm.h"
#include "image/tiff.h"
#include "image/webp.h"

#include <algorithm>
#include <string_view>

namespace sslrun::image {

namespace {

constexpr std::string_view kPngMagic = "\x89PNG\r\n\x1a\n";
constexpr std::string_view kJpegMagic = "\xff\xd8\xff";

bool is_tiff(std::string_view head) {
  return head.starts_with(std::string_view("II*\0", 4)) ||
         head.starts_with(std::string_view("MM\0*", 4)) ||
         head.starts_with(std::string_view("II+\0\x08\0\0\0", 8)) ||  // BigTIFF
         head.starts_with(std::string_view("MM\0+\0\x08\0\0", 8));
}

// "P6" and a blank: two letters alone begin many texts.
bool is_pnm(std::string_view head) {
  return head.size() >= 3 && head[0] == 'P' && head[1] >= '1' && head[1] <= '6' &&
         (head[2] == ' ' || head[2] == '#' || (head[2] >= '\t' && head[2] <= '\r'));
}

// A bitmap's bytes 6 to 9 are reserved and 0.
bool is_bmp(std::string_view head) {
  return head.size() >= 10 && head.starts_with("BM") &&
         head.substr(6, 4) == std::string_view("\0\0\0\0", 4);
}

// What the bytes look like, for the message about a file of no format that is read.
std::string describe_unknown(std::string_view head) {
  if (head.size() >= 12 && head.substr(4, 4) == "ftyp") return "unsupported format: avif or heic";
  if (kPngMagic.starts_with(head) || kJpegMagic.starts_with(head) || head.starts_with("RIFF") ||
      head.starts_with("GIF8") || head.starts_with("BM"))
    return "truncated: a signature without an image";
  const std::size_t text = head.find_first_not_of(" \t\r\n");
  if (text != std::string_view::npos && head[text] == '<') return "not an image: html or xml";
  const bool zeros = std::all_of(head.begin(), head.end(), [](char c) { return c == '\0'; });
  return zeros ? "not an image: the file begins with zeros"
               : "not an image: the file begins as no known format does";
}

}  // namespace

Format sniff(std::span<const std::byte> head) {
  const std::string_view text(reinterpret_cast<const char*>(head.data()), head.size());
  if (text.starts_with(kJpegMagic)) return Format::kJpeg;
  if (text.starts_with(kPngMagic)) return Format::kPng;
  if (text.size() >= 12 && text.starts_with("RIFF") && text.substr(8, 4) == "WEBP")
    return Format::kWebp;
  if (is_tiff(text)) return Format::kTiff;
  if (text.starts_with("GIF87a") || text.starts_with("GIF89a")) return Format::kGif;
  if (is_bmp(text)) return Format::kBmp;
  if (is_pnm(text)) return Format::kPnm;
  return Format::kUnknown;
}

void decode(std::span<const std::byte> bytes,
            const PixelFormat& asked,
            const Wanted& wanted,
            Image& out) {
  if (bytes.empty()) throw BadImage("empty file");
  PixelFormat format = asked;
  if (has_window(asked)) format.bits = 16;  // levels are spread before any is lost
  const int orientation = [&] {
    switch (sniff(bytes)) {
      case Format::kJpeg:
        return decode_jpeg(bytes, format, wanted, out);
      case Format::kPng:
        return decode_png(bytes, format, out);
      case Format::kWebp:
        return decode_webp(bytes, format, out);
      case Format::kTiff:
        return decode_tiff(bytes, format, out);
      case Format::kGif:
        return decode_gif(bytes, format, out);
      case Format::kBmp:
        return decode_bmp(bytes, format, out);
      case Format::kPnm:
        return decode_pnm(bytes, format, out);
      case Format::kUnknown:
        break;
    }
    const std::size_t size = std::min<std::size_t>(bytes.size(), 64);
    throw BadImage(describe_unknown({reinterpret_cast<const char*>(bytes.data()), size}));
  }();
  apply_orientation(orientation, out);
  conform(asked, out);
}

}  // namespace sslrun::image
