#pragma once
#include "encoders/encoder_config.h"

#include <cstdint>
#include <string>

namespace sslrun::encoders {

/// A ResNet v1.5. depth (18, 34 or 50) comes from the encoder's name: resnet18, resnet34, resnet50.
struct ResNetConfig final : EncoderConfig {
  explicit ResNetConfig(std::int64_t layers) : depth(layers) {}

  std::int64_t depth;
  std::string stem = "imagenet";  // or "cifar": 3x3 stride 1 without max pool
  std::int64_t width = 64;        // channels of the first stage
  bool zero_init_residual = true;

  void bind(config::Fields& fields) override;
};

}  // namespace sslrun::encoders
