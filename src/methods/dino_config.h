#pragma once
#include "methods/distillation_config.h"
#include "methods/method_config.h"

namespace sslrun::methods {

/// The own keys of DINO.
struct DinoConfig final : MethodConfig {
  DistillationConfig distillation;

  void bind(config::Fields& fields) override { distillation.bind(fields); }

  ViewNeeds view_needs() const override {
    return {.min_views = 2, .max_views = 16, .global_views = 2};
  }

  std::string_view evaluated() const override { return "teacher.encoder"; }
};

const config::ComponentSpec& method_spec_dino();

}  // namespace sslrun::methods
