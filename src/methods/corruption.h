// Images made worse, for an autoencoder to restore.  C channels, H x W pixels.
#pragma once
#include "base/philox.h"

#include <cstdint>
#include <string>

namespace sslrun::methods {

/// What is done to an image.
struct Corruption {
  std::string kind = "random_blocks";  // or gaussian_noise, pixel_dropout, center_block
  double sigma = 0.5;                  // of gaussian_noise
  double share = 0.25;                 // of the pixels that the others hide
};

/// Draws what happens to one image, from rng alone, by `kind`:
///   gaussian_noise  independent N(0, sigma^2) in noise; nothing is hidden
///   pixel_dropout   each pixel is hidden, in all its channels, with probability `share`
///   center_block    the square of that share of the area in the middle is hidden
///   random_blocks   squares of H / 8 to H / 4 pixels a side, which may overlap, until another would
///                   take the hidden area over `share`, at most 32 of them and one at least
/// shapes    noise [C, H, W] and hidden [H, W] (1: hidden), dense, both 0 before.
/// source    Vincent et al. 2008, section 2.3; Pathak et al. 2016, arXiv:1604.07379, section 3.3.
void draw_corruption(const Corruption& corruption,
                     std::int64_t channels,
                     std::int64_t height,
                     std::int64_t width,
                     Rng& rng,
                     float* noise,
                     float* hidden);

}  // namespace sslrun::methods
