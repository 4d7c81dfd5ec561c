#include "methods/jigsaw_config.h"

#include "config/fields.h"

namespace sslrun::methods {

void JigsawConfig::bind(config::Fields& fields) {
  fields.integer("permutations",
                 permutations,
                 {.min = 2, .max = 10000},
                 "orders of the tiles to tell apart, as many as the operation jigsaw makes");
  fields.integer("tile_dim",
                 tile_dim,
                 {.min = 1},
                 "width that each tile's features are brought to before the nine are joined");
}

const config::ComponentSpec& method_spec_jigsaw() {
  static const config::ComponentSpec spec{
      "jigsaw",
      "tells in which order the tiles of an image were shuffled",
      "Noroozi and Favaro 2016, arXiv:1603.09246",
      +[]() -> std::unique_ptr<config::Component> { return std::make_unique<JigsawConfig>(); }};
  return spec;
}

}  // namespace sslrun::methods
