#pragma once
#include "methods/method_config.h"
#include "methods/projector_config.h"

#include <algorithm>
#include <cstdint>
#include <string_view>

namespace sslrun::methods {

/// LeJEPA's own keys.
struct LeJepaConfig final : MethodConfig {
  double lambda = 0.02;
  std::int64_t slices = 256;
  std::int64_t global_views = 2;
  std::int64_t linear_dim = 0;
  ProjectorConfig projector{.hidden_dim = 2048, .output_dim = 16};

  void bind(config::Fields& fields) override;

  std::string_view collapse_advice() const override { return "raise method.lambda"; }

  ViewNeeds view_needs() const override {
    return {.min_views = std::max<std::int64_t>(2, global_views),
            .max_views = 64,
            .global_views = global_views};
  }
};

const config::ComponentSpec& method_spec_lejepa();

}  // namespace sslrun::methods
