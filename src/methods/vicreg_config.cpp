#include "methods/vicreg_config.h"

#include "config/fields.h"

namespace sslrun::methods {

void VicRegConfig::bind(config::Fields& fields) {
  fields.real("invariance", invariance, {.min = 0}, "weight of the distance between the views");
  fields.real("variance", variance, {.min = 0}, "weight of what a dimension lacks to deviation 1");
  fields.real("covariance", covariance, {.min = 0}, "weight of the covariance between dimensions");
  projector.bind(fields, "three linear layers, dropped after pretraining");
}

const config::ComponentSpec& method_spec_vicreg() {
  static const config::ComponentSpec spec{
      "vicreg",
      "two views agree, each dimension keeps its variance, and dimensions stay uncorrelated",
      "Bardes et al. 2022, arXiv:2105.04906",
      +[]() -> std::unique_ptr<config::Component> { return std::make_unique<VicRegConfig>(); }};
  return spec;
}

}  // namespace sslrun::methods
