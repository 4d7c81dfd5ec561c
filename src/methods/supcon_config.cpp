#include "methods/supcon_config.h"

#include "config/fields.h"

namespace sslrun::methods {

void SupConConfig::bind(config::Fields& fields) {
  fields.real("temperature",
              temperature,
              {.min = 0, .open_min = true},
              "softmax temperature: 0.1 ImageNet, 0.2 CIFAR-10 of solo-learn");
  projector.bind(fields, "the head that the loss sees, without batch norm");
}

const config::ComponentSpec& method_spec_supcon() {
  static const config::ComponentSpec spec{
      "supcon",
      "views of images of one class attract, those of other classes repel",
      "Khosla et al. 2020, arXiv:2004.11362",
      +[]() -> std::unique_ptr<config::Component> { return std::make_unique<SupConConfig>(); }};
  return spec;
}

}  // namespace sslrun::methods
