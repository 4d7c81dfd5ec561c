// TIFF decoding by libtiff.
#pragma once
#include "image/image.h"

#include <cstddef>
#include <span>

namespace sslrun::image {

/// As decode(), for bytes that start as a TIFF does, but not yet turned upright nor conformed.
/// returns   the EXIF orientation, 1..8 (1 where the file gives none).
int decode_tiff(std::span<const std::byte> bytes, const PixelFormat& format, Image& out);

}  // namespace sslrun::image
