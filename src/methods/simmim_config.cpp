#include "methods/simmim_config.h"

#include "config/fields.h"

#include <fmt/format.h>

namespace sslrun::methods {

void SimMimConfig::bind(config::Fields& fields) {
  fields.real("mask_ratio",
              mask_ratio,
              {.min = 0, .max = 1, .open_min = true},
              "share of the image that is hidden");
  fields.integer(
      "mask_size",
      mask_size,
      {.min = 1},
      "side in pixels of the squares that are hidden, a multiple of the encoder's patches");
}

std::string SimMimConfig::patch_problem(std::int64_t side, std::int64_t patch_size) const {
  if (mask_size % patch_size == 0 && side % mask_size == 0) return "";
  return fmt::format(
      "must have a patch_size that divides mask_size {}, which divides the views' {} pixels, got "
      "{}",
      mask_size,
      side,
      patch_size);
}

const config::ComponentSpec& method_spec_simmim() {
  static const config::ComponentSpec spec{
      "simmim",
      "predicts the pixels of hidden squares from the rest of the image, by one linear layer",
      "Xie et al. 2022, arXiv:2111.09886",
      +[]() -> std::unique_ptr<config::Component> { return std::make_unique<SimMimConfig>(); }};
  return spec;
}

}  // namespace sslrun::methods
