#include "methods/mae_config.h"

#include "config/fields.h"

#include <fmt/format.h>

namespace sslrun::methods {

void MaeConfig::bind(config::Fields& fields) {
  fields.real("mask_ratio",
              mask_ratio,
              {.min = 0, .max = 1, .open_min = true, .open_max = true},
              "share of the patches that the encoder does not see");
  fields.boolean("norm_pix",
                 norm_pix,
                 "predict the pixels of each patch less their mean, over their deviation");
  decoder.bind(
      fields, "decoder", "the transformer that predicts pixels, dropped after pretraining");
}

std::string MaeConfig::patch_problem(std::int64_t side, std::int64_t patch_size) const {
  const std::int64_t patches = (side / patch_size) * (side / patch_size), keep = kept(patches);
  if (keep >= 1 && keep < patches) return "";
  return fmt::format(
      "must cut views of {} pixels into patches of which mask_ratio {} keeps one or more and hides "
      "one or more; {} of {} are kept",
      side,
      mask_ratio,
      keep,
      patches);
}

const config::ComponentSpec& method_spec_mae() {
  static const config::ComponentSpec spec{
      "mae",
      "predicts the pixels of the patches that the encoder does not see",
      "He et al. 2022, arXiv:2111.06377",
      +[]() -> std::unique_ptr<config::Component> { return std::make_unique<MaeConfig>(); }};
  return spec;
}

}  // namespace sslrun::methods
