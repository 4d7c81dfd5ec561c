#pragma once
#include "methods/method_config.h"
#include "methods/projector_config.h"

#include <cstdint>
#include <string>
#include <string_view>

namespace sslrun::methods {

/// SimCLR's own keys.
struct SimClrConfig final : MethodConfig {
  double temperature = 0.1;
  std::string loss = "nt_xent";  // or "dcl", "dclw"
  double sigma = 0.5;            // of dclw
  ProjectorConfig projector{.hidden_dim = 2048, .output_dim = 128};

  void bind(config::Fields& fields) override;

  std::string_view collapse_advice() const override { return "raise method.temperature"; }

  std::string_view full_negatives_problem() const override { return ""; }

  ViewNeeds view_needs() const override {
    return {.min_views = 2, .max_views = 2, .same_size = true};
  }
};

/// The registry's row: name, summary, source and a maker of SimClrConfig.
const config::ComponentSpec& method_spec_simclr();

}  // namespace sslrun::methods
