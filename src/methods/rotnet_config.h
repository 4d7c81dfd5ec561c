#pragma once
#include "methods/method_config.h"

namespace sslrun::methods {

/// RotNet's own keys: none.
struct RotNetConfig final : MethodConfig {
  void bind(config::Fields&) override {}

  ViewNeeds view_needs() const override {
    return {.min_views = 1, .max_views = 1, .task = "rotation_classes", .classes = 4};
  }
};

const config::ComponentSpec& method_spec_rotnet();

}  // namespace sslrun::methods
