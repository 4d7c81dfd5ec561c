#pragma once
#include "encoders/encoder_config.h"

#include <array>
#include <cstdint>

namespace sslrun::encoders {

/// A ConvNeXt. depths, blocks in each stage, comes from the encoder's name: convnext_tiny,
/// convnext_small.
struct ConvNeXtConfig final : EncoderConfig {
  explicit ConvNeXtConfig(const std::array<std::int64_t, 4>& blocks) : depths(blocks) {}

  std::array<std::int64_t, 4> depths;
  std::int64_t width = 96;  // channels of the first stage
  double layer_scale = 1e-6;
  double drop_path = 0;

  void bind(config::Fields& fields) override;
};

}  // namespace sslrun::encoders
