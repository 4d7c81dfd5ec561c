#include "methods/ibot_config.h"

#include "config/fields.h"

namespace sslrun::methods {

void IbotConfig::bind(config::Fields& fields) {
  distillation.bind(fields);
  fields.section("patch_teacher_temperature",
                 "of the teacher's softmax over patches",
                 [this](config::Fields& f) { patch_teacher_temperature.bind(f); });
  fields.boolean("shared_head", shared_head, "patches have the last layer of the class token");
  fields.integer(
      "patch_output_dim", patch_output_dim, {.min = 2}, "outputs for patches, without shared_head");
  fields.real("mask_probability",
              mask_probability,
              {.min = 0, .max = 1, .open_min = true},
              "that patches of a global view are hidden from the student");
  fields.range("mask_ratio",
               mask_ratio,
               {.min = 0, .max = 1, .open_min = true},
               "share of its patches that is hidden then");
}

const config::ComponentSpec& method_spec_ibot() {
  static const config::ComponentSpec spec{
      "ibot",
      "DINO, and the student tells of hidden patches what the teacher makes of them",
      "Zhou et al. 2022, arXiv:2111.07832",
      +[]() -> std::unique_ptr<config::Component> { return std::make_unique<IbotConfig>(); }};
  return spec;
}

}  // namespace sslrun::methods
