#pragma once
#include "methods/method_config.h"
#include "methods/transformer_config.h"

#include <array>
#include <cstdint>

namespace sslrun::methods {

/// I-JEPA's own keys.
struct IJepaConfig final : MethodConfig {
  std::int64_t targets = 4;
  std::array<double, 2> target_scale = {0.15, 0.2};
  std::array<double, 2> target_aspect = {0.75, 1.5};
  std::array<double, 2> context_scale = {0.85, 1.0};
  std::int64_t min_keep = 10;
  TransformerConfig predictor{.width = 384, .depth = 12, .heads = 12};
  double momentum = 0.996;

  void bind(config::Fields& fields) override;

  ViewNeeds view_needs() const override { return {.patches = true}; }

  std::string_view evaluated() const override { return "target_encoder"; }

  std::string patch_problem(std::int64_t side, std::int64_t patch_size) const override;
};

const config::ComponentSpec& method_spec_ijepa();

}  // namespace sslrun::methods
