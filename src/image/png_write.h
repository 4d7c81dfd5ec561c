// Pixels -> bytes of a PNG file.
#pragma once
#include "image/image.h"

#include <string>

namespace sslrun::image {

/// Encodes an image as PNG. shapes: [height, width, channels], channels 1 (gray), 3 (RGB) or 4
/// (RGBA), sides >= 1.
/// errors    another shape is a bug of the caller (check_invariant); std::bad_alloc. Same pixels,
///           same bytes.
std::string encode_png(const Image& image);

}  // namespace sslrun::image
