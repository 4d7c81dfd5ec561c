#include "methods/patch_masks.h"

#include "base/philox.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/zeros.h>

#include <cmath>
#include <numeric>
#include <utility>

namespace sslrun::methods {

std::vector<std::int64_t> random_order(const MaskSource& source,
                                       std::size_t i,
                                       std::int64_t count) {
  Rng rng(source.seed,
          Purpose::kMask,
          static_cast<std::uint32_t>(source.epoch),
          static_cast<std::uint32_t>(source.samples[i]),
          0);
  std::vector<std::int64_t> order(static_cast<std::size_t>(count));
  std::iota(order.begin(), order.end(), 0);
  for (std::size_t j = order.size(); j > 1; --j)
    std::swap(order[j - 1], order[static_cast<std::size_t>(rng.below(std::int64_t(j)))]);
  return order;
}

RandomPatches random_patches(const MaskSource& source, std::int64_t patches, std::int64_t keep) {
  const auto images = static_cast<std::int64_t>(source.samples.size());
  RandomPatches out{at::empty({images, keep}, at::kLong),
                    at::empty({images, patches}, at::kLong),
                    at::ones({images, patches}, at::kBool)};
  for (std::int64_t i = 0; i < images; ++i) {
    const std::vector<std::int64_t> order =
        random_order(source, static_cast<std::size_t>(i), patches);
    for (std::int64_t k = 0; k < patches; ++k) {
      const std::int64_t patch = order[static_cast<std::size_t>(k)];
      out.restore_NM.mutable_data_ptr<std::int64_t>()[i * patches + patch] = k;
      if (k >= keep) continue;
      out.keep_NK.mutable_data_ptr<std::int64_t>()[i * keep + k] = patch;
      out.hidden_NM.mutable_data_ptr<bool>()[i * patches + patch] = false;
    }
  }
  return out;
}

at::Tensor random_cells(const MaskSource& source,
                        std::int64_t rows,
                        std::int64_t columns,
                        std::int64_t cell,
                        double ratio) {
  const auto images = static_cast<std::int64_t>(source.samples.size());
  const std::int64_t cell_columns = columns / cell, cells = rows / cell * cell_columns;
  const auto hidden = static_cast<std::int64_t>(std::ceil(static_cast<double>(cells) * ratio));
  const at::Tensor mask_NRC = at::zeros({images, rows, columns}, at::kBool);
  for (std::int64_t i = 0; i < images; ++i) {
    const std::vector<std::int64_t> order =
        random_order(source, static_cast<std::size_t>(i), cells);
    for (std::int64_t k = 0; k < hidden; ++k) {
      const std::int64_t c = order[static_cast<std::size_t>(k)];
      mask_NRC[i]
          .narrow(0, c / cell_columns * cell, cell)
          .narrow(1, c % cell_columns * cell, cell)
          .fill_(true);
    }
  }
  return mask_NRC.flatten(1);
}

}  // namespace sslrun::methods
