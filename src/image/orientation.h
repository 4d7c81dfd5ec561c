// EXIF orientation: how a camera was held, and pixels turned upright.
#pragma once
#include "image/image.h"

#include <cstddef>
#include <span>

namespace sslrun::image {

/// Orientation tag (0x0112) of IFD0 in an EXIF block that starts at its TIFF header ("II*\0" or
/// "MM\0*"). returns 1..8; 1 where the tag is absent or the block makes no sense. source: CIPA
/// DC-008 (EXIF 2.32), 4.6.4.
int exif_orientation(std::span<const std::byte> tiff);

/// Turns stored pixels upright, in place: orientation 2 mirrors, 3 rotates by 180 degrees, 6 by 90
/// clockwise, ... Sides swap for 5..8; another number changes nothing.
void apply_orientation(int orientation, Image& image);

}  // namespace sslrun::image
