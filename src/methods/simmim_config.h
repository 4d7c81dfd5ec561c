#pragma once
#include "methods/method_config.h"

#include <cstdint>

namespace sslrun::methods {

/// SimMIM's own keys.
struct SimMimConfig final : MethodConfig {
  double mask_ratio = 0.6;
  std::int64_t mask_size = 32;

  void bind(config::Fields& fields) override;

  ViewNeeds view_needs() const override { return {.patches = true}; }

  std::string patch_problem(std::int64_t side, std::int64_t patch_size) const override;
};

const config::ComponentSpec& method_spec_simmim();

}  // namespace sslrun::methods
