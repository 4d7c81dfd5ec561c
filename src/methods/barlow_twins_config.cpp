#include "methods/barlow_twins_config.h"

#include "config/fields.h"

namespace sslrun::methods {

void BarlowTwinsConfig::bind(config::Fields& fields) {
  fields.real(
      "lambda", lambda, {.min = 0}, "weight of what is off the diagonal of the cross-correlation");
  fields.real("scale",
              scale,
              {.min = 0, .open_min = true},
              "factor of the whole loss: 1 official, 0.1 solo-learn on CIFAR");
  projector.bind(fields, "three linear layers, dropped after pretraining");
}

const config::ComponentSpec& method_spec_barlow_twins() {
  static const config::ComponentSpec spec{
      "barlow_twins",
      "two views agree in each dimension, and the dimensions do not repeat one another",
      "Zbontar et al. 2021, arXiv:2103.03230",
      +[]() -> std::unique_ptr<config::Component> {
        return std::make_unique<BarlowTwinsConfig>();
      }};
  return spec;
}

}  // namespace sslrun::methods
