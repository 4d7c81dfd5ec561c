// What an augmentation does, for people to look at.
#pragma once
#include "config/component.h"
#include "image/image.h"

#include <cstdint>

namespace sslrun::views {

/// A picture with edges, ramps, colours and fine patterns, [side, side, 3].
image::Image test_card(std::int64_t side);

/// The image as the operation gets it, and `draws` versions of what it makes of it with its default
/// keys, except that p is 1: a strip of cells of 224 pixels.
image::Image preview_augmentation(const config::ComponentSpec& spec,
                                  const image::Image& image,
                                  std::int64_t draws);

}  // namespace sslrun::views
