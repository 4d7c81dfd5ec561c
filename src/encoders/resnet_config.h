#pragma once
#include "encoders/encoder_config.h"

#include <cstdint>
#include <string>

namespace sslrun::encoders {

/// A ResNet v1.5. depth and widening come from the encoder's name: resnet18, resnet34, resnet50,
/// resnet101, resnet152, wide_resnet50_2.
struct ResNetConfig final : EncoderConfig {
  ResNetConfig(std::int64_t layers, std::int64_t wider) : depth(layers), widening(wider) {}

  std::int64_t depth, widening;
  std::string stem = "imagenet";  // or "cifar": 3x3 stride 1 without max pool
  std::int64_t width = 64;        // channels of the first stage
  bool zero_init_residual = true;

  void bind(config::Fields& fields) override;
};

}  // namespace sslrun::encoders
