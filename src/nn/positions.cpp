#include "nn/positions.h"

#include "base/error.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/_upsample_bicubic2d_aa.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/upsample_bicubic2d.h>

#include <cmath>
#include <numbers>
#include <vector>

namespace sslrun::nn {

at::Tensor sincos_positions(std::int64_t rows,
                            std::int64_t columns,
                            std::int64_t features,
                            bool row_first) {
  check_invariant(features % 4 == 0, "sin-cos positions have a multiple of 4 features");
  const std::int64_t quarter = features / 4;
  const at::Tensor table_MD = at::empty({rows * columns, features}, at::kFloat);
  float* out = table_MD.mutable_data_ptr<float>();
  for (std::int64_t row = 0; row < rows; ++row) {
    for (std::int64_t column = 0; column < columns; ++column, out += features) {
      for (std::int64_t half = 0; half < 2; ++half) {
        const auto place = static_cast<double>((half == 0) == row_first ? row : column);
        for (std::int64_t j = 0; j < quarter; ++j) {
          const double angle =
              place * std::pow(10000.0, -static_cast<double>(j) / static_cast<double>(quarter));
          out[2 * half * quarter + j] = static_cast<float>(std::sin(angle));
          out[(2 * half + 1) * quarter + j] = static_cast<float>(std::cos(angle));
        }
      }
    }
  }
  return table_MD;
}

at::Tensor resize_positions(const at::Tensor& positions_MD,
                            std::int64_t rows,
                            std::int64_t columns,
                            PositionResize how) {
  const std::int64_t old_patches = positions_MD.size(0), features = positions_MD.size(1);
  const auto side = std::llround(std::sqrt(static_cast<double>(old_patches)));
  check_invariant(side * side == old_patches, "positions are learned for a square grid");
  if (rows == side && columns == side) return positions_MD;
  const at::Tensor grid_1DRC = positions_MD.t().reshape({1, features, side, side});
  const auto scale = [&](std::int64_t size) {
    return (static_cast<double>(size) + 0.1) / static_cast<double>(side);
  };
  const at::Tensor resized_1DRC =
      how == PositionResize::kAntialias
          ? at::_upsample_bicubic2d_aa(grid_1DRC, {rows, columns}, /*align_corners=*/false)
      : how == PositionResize::kSize
          ? at::upsample_bicubic2d(grid_1DRC, {rows, columns}, /*align_corners=*/false)
          : at::upsample_bicubic2d(
                grid_1DRC, {rows, columns}, /*align_corners=*/false, scale(rows), scale(columns));
  return resized_1DRC.reshape({features, rows * columns}).t();
}

Rotation rotary_positions(std::int64_t rows, std::int64_t columns, std::int64_t head_features) {
  check_invariant(head_features % 4 == 0, "a head with rotary positions has 4 n features");
  const std::int64_t quarter = head_features / 4;
  const at::Tensor cos_Md = at::empty({rows * columns, head_features}, at::kFloat);
  const at::Tensor sin_Md = at::empty({rows * columns, head_features}, at::kFloat);
  float *cosine = cos_Md.mutable_data_ptr<float>(), *sine = sin_Md.mutable_data_ptr<float>();
  const auto centre = [](std::int64_t i, std::int64_t size) {
    return static_cast<double>(2 * i + 1) / static_cast<double>(size) - 1;
  };
  for (std::int64_t row = 0; row < rows; ++row) {
    for (std::int64_t column = 0; column < columns; ++column) {
      const double centres[2] = {centre(row, rows), centre(column, columns)};
      for (std::int64_t k = 0; k < head_features; ++k) {
        const double exponent = static_cast<double>(k % quarter) / static_cast<double>(quarter);
        const double angle =
            2 * std::numbers::pi * centres[k / quarter % 2] / std::pow(100.0, exponent);
        *cosine++ = static_cast<float>(std::cos(angle));
        *sine++ = static_cast<float>(std::sin(angle));
      }
    }
  }
  return {cos_Md, sin_Md};
}

at::Tensor relative_positions(std::int64_t rows,
                              std::int64_t columns,
                              std::int64_t side,
                              std::int64_t prefix) {
  check_invariant(rows <= side && columns <= side, "a table of offsets holds those of its grid");
  const std::int64_t tokens = prefix + rows * columns, wide = 2 * side - 1, offsets = wide * wide;
  const at::Tensor index_TT = at::empty({tokens, tokens}, at::kLong);
  auto* out = index_TT.mutable_data_ptr<std::int64_t>();
  for (std::int64_t query = -prefix; query < rows * columns; ++query) {
    for (std::int64_t key = -prefix; key < rows * columns; ++key) {
      const std::int64_t down = query / columns - key / columns + side - 1,
                         right = query % columns - key % columns + side - 1;
      *out++ = query < 0 && key < 0 ? offsets + 2
               : query < 0          ? offsets
               : key < 0            ? offsets + 1
                                    : down * wide + right;
    }
  }
  return index_TT;
}

at::Tensor rotate(const at::Tensor& x_NHTd, const Rotation& rotation) {
  const std::int64_t tokens = rotation.cos.size(-2), prefix = x_NHTd.size(2) - tokens;
  const std::vector<at::Tensor> parts = x_NHTd.split_with_sizes({prefix, tokens}, 2);
  const at::Tensor& x = parts[1];
  const std::vector<at::Tensor> halves = x.chunk(2, 3);
  const at::Tensor turned = at::cat({-halves[1], halves[0]}, 3);
  const at::Tensor y = (x * rotation.cos + turned * rotation.sin).to(x_NHTd.scalar_type());
  return prefix == 0 ? y : at::cat({parts[0], y}, 2);
}

}  // namespace sslrun::nn
