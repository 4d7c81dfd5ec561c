#pragma once
#include "methods/distillation_config.h"
#include "methods/method_config.h"

#include <array>
#include <cstdint>
#include <string>

namespace sslrun::methods {

/// The own keys of DINOv2.
struct DinoV2Config final : MethodConfig {
  DinoV2Config();

  DistillationConfig distillation;
  std::string centering = "center";  // or "sinkhorn"
  std::int64_t sinkhorn_iterations = 3;
  double koleo_weight = 0.1;
  double mask_fraction = 0.5;
  std::array<double, 2> mask_ratio{0.1, 0.5};
  bool separate_patch_head = false;
  DistillationHeadConfig patch_head;

  void bind(config::Fields& fields) override;

  ViewNeeds view_needs() const override {
    return {
        .min_views = 2, .max_views = 16, .global_views = 2, .patches = true, .class_token = true};
  }

  std::string_view evaluated() const override { return "teacher.encoder"; }
};

const config::ComponentSpec& method_spec_dinov2();

}  // namespace sslrun::methods
