#pragma once
#include "methods/method_config.h"

#include <cstdint>

namespace sslrun::methods {

/// Barlow Twins' own keys.
struct BarlowTwinsConfig final : MethodConfig {
  struct Projector {
    std::int64_t hidden_dim = 8192;
    std::int64_t output_dim = 8192;
  };

  double lambda = 0.0051;
  double scale = 1;
  Projector projector;

  void bind(config::Fields& fields) override;

  ViewNeeds view_needs() const override {
    return {.min_views = 2, .max_views = 2, .same_size = false};
  }
};

const config::ComponentSpec& method_spec_barlow_twins();

}  // namespace sslrun::methods
