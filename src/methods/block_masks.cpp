#include "methods/block_masks.h"

#include "base/error.h"
#include "base/philox.h"

#include <ATen/ops/empty.h>

#include <algorithm>
#include <cmath>

namespace sslrun::methods {
namespace {

constexpr int kTries = 20;

/// The patches of a block placed at random, ascending, without those that any of `outside` holds.
std::vector<std::int64_t> place(Rng& rng,
                                const BlockMaskShape& grid,
                                const BlockShape& block,
                                const std::vector<std::vector<std::int64_t>>& outside) {
  for (std::size_t constraints = outside.size();; --constraints) {
    for (int attempt = 0; attempt < kTries; ++attempt) {
      const std::int64_t top = rng.below(grid.rows - block.rows);
      const std::int64_t left = rng.below(grid.columns - block.columns);
      std::vector<std::int64_t> patches;
      for (std::int64_t row = top; row < top + block.rows; ++row) {
        for (std::int64_t column = left; column < left + block.columns; ++column) {
          const std::int64_t patch = row * grid.columns + column;
          const auto holds = [&](const std::vector<std::int64_t>& other) {
            return std::binary_search(other.begin(), other.end(), patch);
          };
          if (std::none_of(outside.begin(),
                           outside.begin() + static_cast<std::ptrdiff_t>(constraints),
                           holds))
            patches.push_back(patch);
        }
      }
      if (static_cast<std::int64_t>(patches.size()) > grid.min_keep) return patches;
    }
    check_invariant(constraints > 0,
                    "a block without constraints holds more than min_keep patches");
  }
}

at::Tensor stack(const std::vector<std::vector<std::int64_t>>& rows, std::size_t length) {
  const at::Tensor out = at::empty(
      {static_cast<std::int64_t>(rows.size()), static_cast<std::int64_t>(length)}, at::kLong);
  std::int64_t* to = out.mutable_data_ptr<std::int64_t>();
  for (const auto& row : rows) to = std::copy_n(row.begin(), length, to);
  return out;
}

}  // namespace

BlockShape block_shape(std::int64_t rows,
                       std::int64_t columns,
                       std::array<double, 2> scale,
                       std::array<double, 2> aspect,
                       double u) {
  const double share = scale[0] + u * (scale[1] - scale[0]);
  const double ratio = aspect[0] + u * (aspect[1] - aspect[0]);
  const double area = std::floor(static_cast<double>(rows * columns) * share);
  // nearbyint rounds halves to even, as Python's round does.
  const auto height = static_cast<std::int64_t>(std::nearbyint(std::sqrt(area * ratio)));
  const auto width = static_cast<std::int64_t>(std::nearbyint(std::sqrt(area / ratio)));
  return {std::min(height, rows - 1), std::min(width, columns - 1)};
}

std::int64_t BlockMasks::shortest() const {
  const auto fewer = [](const auto& a, const auto& b) { return a.size() < b.size(); };
  return static_cast<std::int64_t>(
      std::min_element(contexts.begin(), contexts.end(), fewer)->size());
}

at::Tensor BlockMasks::context_NK(std::int64_t length) const {
  return stack(contexts, static_cast<std::size_t>(length));
}

BlockMasks block_masks(const MaskSource& source, const BlockMaskShape& shape) {
  BlockMasks out;
  std::vector<std::vector<std::vector<std::int64_t>>> targets(
      static_cast<std::size_t>(shape.targets));
  for (const std::int64_t sample : source.samples) {
    Rng rng(source.seed,
            Purpose::kMask,
            static_cast<std::uint32_t>(source.epoch),
            static_cast<std::uint32_t>(sample),
            0);
    std::vector<std::vector<std::int64_t>> own;
    for (auto& of_block : targets) {
      own.push_back(place(rng, shape, shape.target, {}));
      of_block.push_back(own.back());
    }
    out.contexts.push_back(place(rng, shape, shape.context, own));
  }
  for (const auto& of_block : targets)
    out.targets_NT.push_back(stack(of_block, static_cast<std::size_t>(shape.target.area())));
  return out;
}

}  // namespace sslrun::methods
