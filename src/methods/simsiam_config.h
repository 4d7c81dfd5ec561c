#pragma once
#include "methods/method_config.h"
#include "methods/projector_config.h"

#include <cstdint>

namespace sslrun::methods {

/// SimSiam's own keys.
struct SimSiamConfig final : MethodConfig {
  ProjectorConfig projector{.hidden_dim = 2048, .output_dim = 2048};
  std::int64_t predictor_hidden_dim = 512;
  std::int64_t projector_layers = 3;
  bool predictor_constant_lr = true;

  void bind(config::Fields& fields) override;

  ViewNeeds view_needs() const override {
    return {.min_views = 2, .max_views = 2, .same_size = false};
  }
};

const config::ComponentSpec& method_spec_simsiam();

}  // namespace sslrun::methods
