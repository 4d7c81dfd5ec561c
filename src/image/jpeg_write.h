// Pixels -> bytes of a JPEG file.
#pragma once
#include "image/image.h"

#include <string>

namespace sslrun::image {

/// Colour at the full resolution, or at half of it both ways (4:2:0), as most files have it.
enum class Chroma { kFull, kHalf };

/// Encodes an image of 8 bits as baseline JPEG. shapes: [height, width, channels], channels 1 (gray)
/// or 3 (RGB), sides 1 to 65500. quality: 1..100, on libjpeg's scale.
/// errors    another shape is a bug of the caller (check_invariant); std::bad_alloc. Same pixels and
///           same libjpeg-turbo, same bytes.
std::string encode_jpeg(const Image& image, int quality, Chroma chroma);

}  // namespace sslrun::image
