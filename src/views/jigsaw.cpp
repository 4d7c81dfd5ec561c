#include "config/fields.h"
#include "views/jigsaw_permutations.h"
#include "views/view_op.h"

#include <fmt/core.h>

#include <algorithm>

namespace sslrun::views {

namespace {

constexpr std::int64_t kGrid = 3;  // cells on a side

struct Jigsaw final : TaskOp {
  std::int64_t tile = 64;
  std::int64_t permutations = 100;

  void bind(config::Fields& f) override {
    f.integer("tile",
              tile,
              {.min = 1, .max = 4096},
              "side of a tile, cut anywhere out of its cell, a ninth of the crop: the gaps between "
              "tiles keep edges from giving the order away");
    f.integer("permutations",
              permutations,
              {.min = 2, .max = 10000},
              "classes: orders of the tiles, chosen to differ in as many places as possible");
  }

  ViewForm form(ViewShape before) const override {
    return {{tile, tile, before.channels}, kTiles, 1};
  }

  std::int64_t classes() const override { return permutations; }

  std::string side_problem(std::int64_t side) const override {
    if (tile <= side / kGrid) return "";
    return fmt::format(
        "must have a jigsaw tile of at most {} pixels, a third of the crop's {}, got {}",
        side / kGrid,
        side,
        tile);
  }

  void apply(Rng& rng, Canvas& canvas) const override {
    const auto [height, width, channels] = canvas.shape();
    const std::int64_t cell_height = height / kGrid, cell_width = width / kGrid;
    float* before = canvas.scratch(canvas.shape().size());
    std::copy_n(canvas.pixels(), canvas.shape().size(), before);
    const std::int64_t order = rng.below(permutations);
    const TileOrder& tiles = tile_orders(permutations)[static_cast<std::size_t>(order)];
    float* to = canvas.divide(kTiles, {tile, tile, channels});
    for (const std::int64_t cell : tiles) {
      const std::int64_t top = cell / kGrid * cell_height + rng.below(cell_height - tile + 1);
      const std::int64_t left = cell % kGrid * cell_width + rng.below(cell_width - tile + 1);
      for (std::int64_t row = 0; row < channels * tile; ++row, to += tile) {
        const std::int64_t y = row / tile * height + top + row % tile;
        std::copy_n(before + y * width + left, tile, to);
      }
    }
    canvas.targets()[0] = order;
  }
};

}  // namespace

const config::ComponentSpec& view_spec_jigsaw() {
  static const config::ComponentSpec spec{
      "jigsaw",
      "cuts nine tiles and shuffles them; the method is to tell the order",
      "Noroozi and Favaro 2016, arXiv:1603.09246; bbrattoli/JigsawPuzzlePytorch",
      make_op<Jigsaw>};
  return spec;
}

}  // namespace sslrun::views
