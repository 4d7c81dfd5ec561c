#pragma once
#include "methods/method_config.h"
#include "methods/projector_config.h"

#include <cstdint>
#include <string_view>

namespace sslrun::methods {

/// BYOL's own keys.
struct ByolConfig final : MethodConfig {
  double momentum = 0.996;
  ProjectorConfig projector{.hidden_dim = 4096, .output_dim = 256};
  std::int64_t predictor_hidden_dim = 4096;

  void bind(config::Fields& fields) override;

  std::string_view collapse_advice() const override { return "raise method.momentum"; }

  ViewNeeds view_needs() const override {
    return {.min_views = 2, .max_views = 2, .same_size = false};
  }
};

const config::ComponentSpec& method_spec_byol();

}  // namespace sslrun::methods
