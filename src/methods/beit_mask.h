// Which patches of a view are hidden, in blocks as BEiT hides them.  N views, M patches row by row, T
// hidden patches of all views.
#pragma once
#include "base/philox.h"

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <span>
#include <vector>

namespace sslrun::methods {

struct PatchGrid {
  std::int64_t rows, columns;

  std::int64_t patches() const { return rows * columns; }
};

/// One value per patch, row by row: 1 where it is hidden.
using Mask = std::vector<std::uint8_t>;

/// Rectangles of random area and shape are laid down until `target` patches are hidden, or none more
/// fits: never more than target. least, most: the area that a rectangle is drawn from, bounded by
/// what is missing. Sides stay below those of the grid, aspect ratios within 0.3 and 1 / 0.3.
/// source    Bao et al. 2021, arXiv:2106.08254, algorithm 1; bytedance/ibot loader.py;
///           facebookresearch/dinov2 dinov2/data/masking.py.
Mask beit_mask(PatchGrid grid, double target, double least, double most, Rng& rng);

/// The masks of N views as a method takes them.
struct HiddenPatches {
  at::Tensor mask_NM;    // bool
  at::Tensor places_T;   // int64, of the hidden ones among all N * M
  at::Tensor weights_T;  // float64: 1 / (hidden patches of the view) / N
};

HiddenPatches hidden_patches(std::span<const Mask> masks, at::Device device);

}  // namespace sslrun::methods
