#pragma once
#include "methods/method_config.h"
#include "methods/projector_config.h"

#include <cstdint>
#include <string_view>

namespace sslrun::methods {

/// The own keys of supervised contrastive learning.
struct SupConConfig final : MethodConfig {
  double temperature = 0.1;
  ProjectorConfig projector{.hidden_dim = 2048, .output_dim = 128};

  void bind(config::Fields& fields) override;

  std::string_view collapse_advice() const override { return "raise method.temperature"; }

  std::string_view full_negatives_problem() const override { return ""; }

  ViewNeeds view_needs() const override {
    return {.min_views = 2, .max_views = 2, .same_size = true, .labels = true};
  }
};

const config::ComponentSpec& method_spec_supcon();

}  // namespace sslrun::methods
