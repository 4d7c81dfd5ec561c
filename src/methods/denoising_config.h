#pragma once
#include "methods/corruption.h"
#include "methods/method_config.h"

#include <cstdint>
#include <string>

namespace sslrun::methods {

/// The own keys of denoising and inpainting autoencoders.
struct DenoisingConfig final : MethodConfig {
  Corruption corruption;
  std::string loss = "all";  // or "hidden": on hidden pixels only
  std::int64_t decoder_width = 128;
  std::int64_t decoder_blocks = 3;

  void bind(config::Fields& fields) override;

  ViewNeeds view_needs() const override { return {.min_views = 1, .max_views = 1}; }
};

const config::ComponentSpec& method_spec_denoising();

}  // namespace sslrun::methods
