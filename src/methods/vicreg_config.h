#pragma once
#include "methods/method_config.h"
#include "methods/projector_config.h"

#include <cstdint>
#include <string_view>

namespace sslrun::methods {

/// VICReg's own keys.
struct VicRegConfig final : MethodConfig {
  double invariance = 25;
  double variance = 25;
  double covariance = 1;
  ProjectorConfig projector{.hidden_dim = 8192, .output_dim = 8192};

  void bind(config::Fields& fields) override;

  std::string_view collapse_advice() const override { return "raise method.variance"; }

  ViewNeeds view_needs() const override {
    return {.min_views = 2, .max_views = 2, .same_size = false};
  }
};

const config::ComponentSpec& method_spec_vicreg();

}  // namespace sslrun::methods
