#include "methods/simclr_config.h"

#include "config/fields.h"

namespace sslrun::methods {

void SimClrConfig::bind(config::Fields& fields) {
  fields.real("temperature",
              temperature,
              {.min = 0, .open_min = true},
              "softmax temperature: 0.1 ImageNet, 0.5 CIFAR-10");
  projector.bind(fields, "the head that the loss sees, dropped after pretraining");
}

const config::ComponentSpec& method_spec_simclr() {
  static const config::ComponentSpec spec{
      "simclr",
      "two views of an image attract, all other images of the batch repel",
      "Chen et al. 2020, arXiv:2002.05709",
      +[]() -> std::unique_ptr<config::Component> { return std::make_unique<SimClrConfig>(); }};
  return spec;
}

}  // namespace sslrun::methods
