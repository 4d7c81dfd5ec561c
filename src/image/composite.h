// From the channels that a file has to the three that an encoder sees.
#pragma once
#include "image/image.h"

namespace sslrun::image {

/// Turns gray, gray and alpha, RGB or RGBA into RGB, in place: gray in all three, alpha composited
/// on white with straight (not premultiplied) colours, rounded to nearest.
/// shapes    image [h, w, 1..4] -> [h, w, 3]
void to_rgb(Image& image);

}  // namespace sslrun::image
