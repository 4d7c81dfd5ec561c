// Bytes of a JPEG or PNG file -> RGB pixels.
#pragma once
#include "image/image.h"

#include <cstddef>
#include <cstdint>
#include <span>
#include <stdexcept>
#include <string>

namespace sslrun::image {

/// Bytes that are not a complete image of a known format. what(): the reason in lower case,
/// beginning with its kind: "empty file", "truncated: ..", "corrupt: ..", "too large: ..",
/// "unsupported format: ..", "not an image: ..". Not a sslrun::Error: the loader replaces the
/// sample, `data check` lists it, neither stops a run.
class BadImage : public std::runtime_error {
 public:
  explicit BadImage(const std::string& reason) : std::runtime_error(reason) {}
};

/// Largest width * height that decode accepts; refused from the header, before memory is taken.
constexpr std::int64_t kMaxPixels = 178'956'970;

enum class Format { kUnknown, kJpeg, kPng };

/// Format told by the first bytes (8 are enough), never by a file name.
Format sniff(std::span<const std::byte> head);

/// Decodes a whole file's bytes into out, always RGB: shapes out [height, width, 3]. JPEG: baseline
/// and progressive; gray, YCbCr, RGB, CMYK and YCCK (Adobe's inverted inks handled, ICC ignored).
/// PNG: palette, gray, 16 bits scaled to 8, interlaced; alpha composited on white. The EXIF
/// orientation (JPEG APP1, PNG eXIf) is applied: out is upright.
/// errors    BadImage for what is cut, corrupt, larger than kMaxPixels or of another format (out is
///           then unspecified); std::bad_alloc. Thread-safe on distinct out.
void decode(std::span<const std::byte> bytes, Image& out);

}  // namespace sslrun::image
