// I-JEPA's masks: rectangles of patches to predict, and one to predict them from.  N images, B target
// blocks, R x C patches row by row.
#pragma once
#include "methods/patch_masks.h"

#include <ATen/core/Tensor.h>

#include <array>
#include <cstdint>
#include <vector>

namespace sslrun::methods {

struct BlockShape {
  std::int64_t rows = 0, columns = 0;

  std::int64_t area() const { return rows * columns; }
};

/// The rectangle of a draw u in [0, 1): u sets both its share of the grid's area and its aspect, rows
/// over columns; each side is below the grid's.
/// source    facebookresearch/ijepa src/masks/multiblock.py _sample_block_size.
BlockShape block_shape(std::int64_t rows,
                       std::int64_t columns,
                       std::array<double, 2> scale,
                       std::array<double, 2> aspect,
                       double u);

struct BlockMaskShape {
  std::int64_t rows = 14, columns = 14;  // of the grid
  BlockShape target, context;
  std::int64_t targets = 4;    // B
  std::int64_t min_keep = 10;  // a block holds more patches than this
};

struct BlockMasks {
  std::vector<std::vector<std::int64_t>> contexts;  // of each image, ascending
  std::vector<at::Tensor> targets_NT;               // B times int64 [N, T], ascending

  /// The fewest patches that an image's context holds.
  std::int64_t shortest() const;
  /// The first K patches of each context, int64 [N, K]: images of one batch have equally many, those
  /// of the shortest.
  at::Tensor context_NK(std::int64_t length) const;
};

/// Places the blocks for each image. The context lies outside the targets. A block that keeps too few patches is placed
/// anew; after 20 failures it may overlap the last target, after 20 more the one before, and so on.
/// A block never touches the grid's last row or column.
/// source    Assran et al. 2023, arXiv:2301.08243, section 3; facebookresearch/ijepa
///           src/masks/multiblock.py.
BlockMasks block_masks(const MaskSource& source, const BlockMaskShape& shape);

}  // namespace sslrun::methods
