#pragma once
#include "methods/method_config.h"
#include "methods/projector_config.h"

#include <cstdint>
#include <string_view>

namespace sslrun::methods {

/// MoCo v3's own keys.
struct MoCoV3Config final : MethodConfig {
  double temperature = 1.0;
  double momentum = 0.99;
  ProjectorConfig projector{.hidden_dim = 4096, .output_dim = 256};
  std::int64_t projector_layers = 2;
  std::int64_t predictor_hidden_dim = 4096;
  bool predictor_norm = false;

  void bind(config::Fields& fields) override;

  std::string_view collapse_advice() const override { return "raise method.momentum"; }

  std::string_view full_negatives_problem() const override { return ""; }

  ViewNeeds view_needs() const override {
    return {.min_views = 2, .max_views = 2, .same_size = false};
  }
};

const config::ComponentSpec& method_spec_mocov3();

}  // namespace sslrun::methods
