#include "methods/beit_mask.h"

#include "base/error.h"
#include "ops/rows.h"

#include <ATen/ops/empty.h>

#include <algorithm>
#include <cmath>
#include <numeric>

namespace sslrun::methods {
namespace {

constexpr int kTries = 10;
constexpr double kLeastAspect = 0.3;

// Hides one more rectangle. Returns how many patches it added, 0 where no try suited.
std::int64_t add_block(Mask& mask, PatchGrid grid, double least, double most, Rng& rng) {
  const double log_aspect = std::log(1 / kLeastAspect);
  for (int attempt = 0; attempt < kTries; ++attempt) {
    const double area = rng.uniform(least, most);
    const double aspect = std::exp(rng.uniform(-log_aspect, log_aspect));
    const auto height = static_cast<std::int64_t>(std::nearbyint(std::sqrt(area * aspect)));
    const auto width = static_cast<std::int64_t>(std::nearbyint(std::sqrt(area / aspect)));
    if (height >= grid.rows || width >= grid.columns) continue;
    const std::int64_t top = rng.below(grid.rows - height + 1);
    const std::int64_t left = rng.below(grid.columns - width + 1);
    Mask with = mask;
    for (std::int64_t y = top; y < top + height; ++y) {
      const auto row = with.begin() + y * grid.columns;
      std::fill(row + left, row + left + width, std::uint8_t{1});
    }
    const std::int64_t added = std::accumulate(with.begin(), with.end(), std::int64_t{0}) -
                               std::accumulate(mask.begin(), mask.end(), std::int64_t{0});
    if (added == 0 || static_cast<double>(added) > most) continue;
    mask = std::move(with);
    return added;
  }
  return 0;
}

}  // namespace

Mask beit_mask(PatchGrid grid, double target, double least, double most, Rng& rng) {
  Mask mask(static_cast<std::size_t>(grid.patches()), 0);
  double missing = target;
  while (missing > 0) {
    const std::int64_t added = add_block(mask, grid, least, std::min(most, missing), rng);
    if (added == 0) break;
    missing -= static_cast<double>(added);
  }
  return mask;
}

HiddenPatches hidden_patches(std::span<const Mask> masks, at::Device device) {
  check_invariant(!masks.empty(), "views have masks");
  const auto views = static_cast<std::int64_t>(masks.size());
  const auto patches = static_cast<std::int64_t>(masks.front().size());
  const at::Tensor mask_NM = at::empty({views, patches}, at::kBool);
  std::vector<std::int64_t> places;
  std::vector<double> weights;
  for (std::int64_t n = 0; n < views; ++n) {
    const Mask& mask = masks[static_cast<std::size_t>(n)];
    std::transform(mask.begin(),
                   mask.end(),
                   mask_NM.mutable_data_ptr<bool>() + n * patches,
                   [](std::uint8_t hidden) { return hidden != 0; });
    const auto hidden = std::count(mask.begin(), mask.end(), 1);
    for (std::int64_t m = 0; m < patches; ++m)
      if (mask[static_cast<std::size_t>(m)] != 0) places.push_back(n * patches + m);
    weights.insert(
        weights.end(), static_cast<std::size_t>(hidden), 1.0 / static_cast<double>(hidden * views));
  }
  const at::Tensor weights_T = at::empty({static_cast<std::int64_t>(weights.size())}, at::kDouble);
  std::copy(weights.begin(), weights.end(), weights_T.mutable_data_ptr<double>());
  return {mask_NM.to(device), ops::indices(places, device), weights_T.to(device)};
}

}  // namespace sslrun::methods
