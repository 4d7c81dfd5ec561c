// Where patches lie. A grid of patches has R rows and C columns, M = R C patches row by row; D
// features; d features of one attention head.
#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>

namespace sslrun::nn {

/// Fixed positions [M, D], float32 on the CPU. Each half of the features encodes one axis, with
/// w_j = 10000^(-j / (D / 4)), as [sin(p w), cos(p w)]; the first half encodes the column. D must
/// divide by 4.
/// row_first: the first half encodes the row instead, as MoCo v3 does.
/// source    facebookresearch/mae util/pos_embed.py; facebookresearch/moco-v3 vits.py.
at::Tensor sincos_positions(std::int64_t rows,
                            std::int64_t columns,
                            std::int64_t features,
                            bool row_first = false);

/// How learned positions of one grid become those of another; bicubic, corners not aligned.
enum class PositionResize {
  kOffset,     // by the factor (size + 0.1) / old size: DINO, DINOv2, iBOT
  kSize,       // to the size: MAE, DeiT
  kAntialias,  // to the size with antialias: timm, DINOv2 with registers
};

/// positions_MD [side * side, D] of a square grid -> [rows * columns, D]; the same tensor where the
/// grid is the same.
/// source    facebookresearch/dino vision_transformer.py interpolate_pos_encoding; mae
///           util/pos_embed.py; timm layers/pos_embed.py.
at::Tensor resize_positions(const at::Tensor& positions_MD,
                            std::int64_t rows,
                            std::int64_t columns,
                            PositionResize how);

/// Cosine and sine, [M, d] or [N, 1, K, d], of the angles that queries and keys are turned by.
struct Rotation {
  at::Tensor cos, sin;
};

/// Rotary positions of a grid: an axis of n patches has its centres at (2 i + 1) / n - 1, and a pair
/// of features turns by 2 pi centre / 100^(j / (d / 4)); the first quarter of the d features turns by
/// the row, the second by the column, the second half as the first. d must divide by 4.
/// source    Simeoni et al. 2025, arXiv:2508.10104; facebookresearch/dinov3
///           dinov3/layers/rope_position_encoding.py with coordinates normalised separately.
Rotation rotary_positions(std::int64_t rows, std::int64_t columns, std::int64_t head_features);

/// Which entry of a table of relative positions each pair of tokens takes: int64 [T, T] on the CPU,
/// rows the queries, columns the keys; `prefix` tokens without a place, then the patches. The table
/// has (2 side - 1)^2 entries, one an offset (query's row - key's row, query's column - key's column)
/// within side x side patches, row by row from -(side - 1), then three: from a token without a place
/// to a patch, from a patch to one, and between two. rows and columns are at most side.
/// source    microsoft/SimMIM models/vision_transformer.py RelativePositionBias (BEiT's, Bao et al.
///           2022, arXiv:2106.08254) with rows = columns = side and a prefix of 1.
at::Tensor relative_positions(std::int64_t rows,
                              std::int64_t columns,
                              std::int64_t side,
                              std::int64_t prefix);

/// Entries in that table.
constexpr std::int64_t num_relative_positions(std::int64_t side) {
  return (2 * side - 1) * (2 * side - 1) + 3;
}

/// Turns the last tokens of x_NHTd [N, heads, T, d], as many as the rotation has; those before stay.
at::Tensor rotate(const at::Tensor& x_NHTd, const Rotation& rotation);

}  // namespace sslrun::nn
