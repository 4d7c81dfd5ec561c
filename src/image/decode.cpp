#include "image/decode.h"

#include "image/jpeg.h"
#include "image/orientation.h"
#include "image/png_read.h"

#include <algorithm>
#include <string_view>

namespace sslrun::image {

namespace {

constexpr std::string_view kPngMagic = "\x89PNG\r\n\x1a\n";
constexpr std::string_view kJpegMagic = "\xff\xd8\xff";

// What the bytes look like, for the message about a file that is neither JPEG nor PNG.
std::string describe_unknown(std::string_view head) {
  if (head.starts_with("GIF8")) return "unsupported format: gif";
  if (head.starts_with("BM")) return "unsupported format: bmp";
  if (head.starts_with(std::string_view("II*\0", 4)) ||
      head.starts_with(std::string_view("MM\0*", 4))) {
    return "unsupported format: tiff";
  }
  if (head.size() >= 12 && head.starts_with("RIFF") && head.substr(8, 4) == "WEBP") {
    return "unsupported format: webp";
  }
  if (head.size() >= 12 && head.substr(4, 4) == "ftyp") return "unsupported format: avif or heic";
  if (kPngMagic.starts_with(head) || kJpegMagic.starts_with(head))
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
  return Format::kUnknown;
}

void decode(std::span<const std::byte> bytes, Image& out) {
  if (bytes.empty()) throw BadImage("empty file");
  switch (sniff(bytes)) {
    case Format::kJpeg:
      return apply_orientation(decode_jpeg(bytes, out), out);
    case Format::kPng:
      return apply_orientation(decode_png(bytes, out), out);
    case Format::kUnknown:
      break;
  }
  const std::size_t size = std::min<std::size_t>(bytes.size(), 64);
  throw BadImage(describe_unknown({reinterpret_cast<const char*>(bytes.data()), size}));
}

}  // namespace sslrun::image
