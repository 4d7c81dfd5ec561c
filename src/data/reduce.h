// Large images made smaller before they are kept.
#pragma once
#include "image/image.h"

#include <cstdint>

namespace sslrun::data {

/// Resizes a whole image whose short side is longer than `short_side` so that it has that many
/// pixels; the long side becomes int(long * short_side / short). Others stay as they are.
/// numerics  8 bits: the bytes of Pillow's resize() with BILINEAR; 16 bits: the same filter in
///           float32, rounded to nearest
void reduce(image::Image& image, std::int64_t short_side);

}  // namespace sslrun::data
