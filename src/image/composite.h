// From the channels and bits that a file has to those of the data set.
#pragma once
#include "image/image.h"

namespace sslrun::image {

/// Turns gray, gray and alpha, RGB or RGBA into RGB, in place: gray in all three, alpha composited
/// on the background with straight (not premultiplied) colours, rounded to nearest.
/// shapes    image [h, w, 1..4], 8 or 16 bits -> [h, w, 3], the same bits
void to_rgb(Image& image, std::uint8_t background);

/// Turns what a decoder made into what the format asks for, each time rounded to nearest: RGB into
/// gray (.299 R + .587 G + .114 B), 8 bits into 16 (times 257), levels spread at 16 bits (the window's
/// first and below become 0, its second and above 65535, those between lie between), 16 bits into 8.
/// errors    BadImage where another number of channels is asked for than the image has.
void conform(const PixelFormat& format, Image& image);

}  // namespace sslrun::image
