#pragma once
#include "methods/distillation_config.h"
#include "methods/method_config.h"

#include <array>
#include <cstdint>

namespace sslrun::methods {

/// The own keys of iBOT.
struct IbotConfig final : MethodConfig {
  IbotConfig() { distillation.head.output_dim = 8192; }

  DistillationConfig distillation;
  TeacherTemperature patch_teacher_temperature;
  bool shared_head = true;
  std::int64_t patch_output_dim = 8192;  // without shared_head
  double mask_probability = 0.5;
  std::array<double, 2> mask_ratio{0.1, 0.5};

  void bind(config::Fields& fields) override;

  ViewNeeds view_needs() const override {
    return {
        .min_views = 2, .max_views = 16, .global_views = 2, .patches = true, .class_token = true};
  }

  std::string_view evaluated() const override { return "teacher.encoder"; }
};

const config::ComponentSpec& method_spec_ibot();

}  // namespace sslrun::methods
