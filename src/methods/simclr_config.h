#pragma once
#include <cstdint>

#include "config/component.h"

namespace sslrun::methods {

/// SimCLR's own keys.
struct SimClrConfig final : config::Component {
  struct Projector {
    std::int64_t hidden_dim = 2048;
    std::int64_t output_dim = 128;
  };

  double temperature = 0.1;
  Projector projector;

  void bind(config::Fields& fields) override;
};

/// The registry's row: name, summary, source and a maker of SimClrConfig.
const config::ComponentSpec& method_spec_simclr();

}  // namespace sslrun::methods
