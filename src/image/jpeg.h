// JPEG decoding by libjpeg's interface (libjpeg-turbo).
#pragma once
#include "image/image.h"

#include <cstddef>
#include <span>

namespace sslrun::image {

/// As decode(), for bytes that start as a JPEG does, but not yet turned upright nor conformed.
/// format: keep_truncated alone matters.
/// returns the EXIF orientation, 1..8 (1 where the file gives none).
int decode_jpeg(std::span<const std::byte> bytes,
                const PixelFormat& format,
                const Wanted& wanted,
                Image& out);

}  // namespace sslrun::image
