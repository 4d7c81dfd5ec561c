#pragma once
#include "encoders/encoder_config.h"

#include <cstdint>
#include <optional>
#include <string>

namespace sslrun::encoders {

/// A vision transformer. features comes from the encoder's name, and depth and heads unless given:
/// vit_tiny, vit_small, vit_base, vit_large, vit_huge.
struct VitConfig final : EncoderConfig {
  VitConfig(std::int64_t width, std::int64_t blocks, std::int64_t attention_heads)
      : features(width), default_depth(blocks), default_heads(attention_heads) {}

  std::int64_t features, default_depth, default_heads;
  std::int64_t patch = 16;
  std::int64_t image_size = 224;
  std::optional<std::int64_t> depth, heads;
  bool class_token = true;
  std::string pool = "class";
  std::int64_t registers = 0;
  std::string positions = "learned";
  std::string interpolation = "antialias";
  double layer_scale = 0;
  double drop_path = 0;
  std::string drop_path_rule = "linear";
  bool swiglu = false;
  bool freeze_patch_embed = false;
  std::string init = "dino";

  void bind(config::Fields& fields) override;

  std::int64_t patch_size() const override { return patch; }

  std::string view_problem(std::int64_t side) const override;

  bool has_class_token() const override { return class_token; }
};

}  // namespace sslrun::encoders
