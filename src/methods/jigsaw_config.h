#pragma once
#include "methods/method_config.h"

#include <cstdint>

namespace sslrun::methods {

/// The own keys of jigsaw puzzles.
struct JigsawConfig final : MethodConfig {
  std::int64_t permutations = 100;
  std::int64_t tile_dim = 1000;

  void bind(config::Fields& fields) override;

  ViewNeeds view_needs() const override {
    return {.min_views = 1, .max_views = 1, .task = "jigsaw", .classes = permutations};
  }
};

const config::ComponentSpec& method_spec_jigsaw();

}  // namespace sslrun::methods
