#pragma once
#include "methods/method_config.h"
#include "methods/transformer_config.h"

#include <cstdint>

namespace sslrun::methods {

/// MAE's own keys.
struct MaeConfig final : MethodConfig {
  double mask_ratio = 0.75;
  bool norm_pix = true;
  TransformerConfig decoder{.width = 512, .depth = 8, .heads = 16};

  void bind(config::Fields& fields) override;

  /// How many of so many patches the encoder sees.
  std::int64_t kept(std::int64_t patches) const {
    return static_cast<std::int64_t>(static_cast<double>(patches) * (1 - mask_ratio));
  }

  ViewNeeds view_needs() const override { return {.patches = true}; }

  std::string patch_problem(std::int64_t side, std::int64_t patch_size) const override;
};

const config::ComponentSpec& method_spec_mae();

}  // namespace sslrun::methods
