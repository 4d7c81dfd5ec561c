// Which patches of an image a method hides.  N images, M patches row by row, K of them kept.
#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <span>
#include <vector>

namespace sslrun::methods {

/// What masks are drawn for: they depend on these and on an image's number alone.
struct MaskSource {
  std::uint32_t seed = 0;
  std::int64_t epoch = 0;
  std::span<const std::int64_t> samples;  // numbers of the N images
};

/// The numbers below `count` in random order, of the image samples[i].
std::vector<std::int64_t> random_order(const MaskSource& source, std::size_t i, std::int64_t count);

/// A random part of each image's patches, on the CPU.
struct RandomPatches {
  at::Tensor keep_NK;     // int64: the patches that stay
  at::Tensor restore_NM;  // int64: where patch m stands among the kept ones followed by the others
  at::Tensor hidden_NM;   // bool
};

/// source    facebookresearch/mae models_mae.py random_masking.
RandomPatches random_patches(const MaskSource& source, std::int64_t patches, std::int64_t keep);

/// bool [N, M], true for hidden patches: ceil(ratio * cells) of the square cells of `cell` patches a
/// side that an image of rows x columns patches consists of. cell divides both.
/// source    microsoft/SimMIM data/data_simmim.py MaskGenerator.
at::Tensor random_cells(const MaskSource& source,
                        std::int64_t rows,
                        std::int64_t columns,
                        std::int64_t cell,
                        double ratio);

}  // namespace sslrun::methods
