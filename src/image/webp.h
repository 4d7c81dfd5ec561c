// WebP decoding by libwebp.
#pragma once
#include "image/image.h"

#include <cstddef>
#include <span>

namespace sslrun::image {

/// As decode(), for bytes that start as a WebP does, but not yet turned upright nor conformed.
/// returns   the EXIF orientation, 1..8 (1 where the file gives none).
int decode_webp(std::span<const std::byte> bytes, const PixelFormat& format, Image& out);

}  // namespace sslrun::image
