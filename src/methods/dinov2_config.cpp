#include "methods/dinov2_config.h"

#include "config/fields.h"

#include <string_view>

namespace sslrun::methods {
namespace {

constexpr std::array<std::string_view, 2> kCenterings = {"center", "sinkhorn"};

}  // namespace

DinoV2Config::DinoV2Config() {
  distillation.momentum = 0.992;
  distillation.teacher_temperature = {.start = 0.04, .end = 0.07, .warmup_epochs = 30};
  distillation.head.norm_last_layer = patch_head.norm_last_layer = false;
}

void DinoV2Config::bind(config::Fields& fields) {
  distillation.bind(fields);
  fields.choice(
      "centering",
      centering,
      kCenterings,
      "center: the mean is taken off the teacher's outputs; sinkhorn: they are shared out "
      "evenly");
  fields.integer(
      "sinkhorn_iterations", sinkhorn_iterations, {.min = 1}, "with centering: sinkhorn");
  fields.real("koleo_weight",
              koleo_weight,
              {.min = 0},
              "of the loss that keeps the images' features apart");
  fields.real("mask_fraction",
              mask_fraction,
              {.min = 0, .max = 1, .open_min = true},
              "share of the global views whose patches are hidden from the student, the same in "
              "each step");
  fields.range("mask_ratio",
               mask_ratio,
               {.min = 0, .max = 1, .open_min = true},
               "share of its patches that is hidden then");
  fields.boolean("separate_patch_head", separate_patch_head, "patches have a head of their own");
  fields.section(
      "patch_head", "with separate_patch_head", [this](config::Fields& f) { patch_head.bind(f); });
}

const config::ComponentSpec& method_spec_dinov2() {
  static const config::ComponentSpec spec{
      "dinov2",
      "DINO and iBOT together, with features kept apart and even shares or centred outputs",
      "Oquab et al. 2024, arXiv:2304.07193",
      +[]() -> std::unique_ptr<config::Component> { return std::make_unique<DinoV2Config>(); }};
  return spec;
}

}  // namespace sslrun::methods
