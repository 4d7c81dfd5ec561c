#include "methods/simsiam_config.h"

#include "config/fields.h"

namespace sslrun::methods {

void SimSiamConfig::bind(config::Fields& fields) {
  projector.bind(fields, "the head that both views go through");
  fields.integer(
      "projector_layers", projector_layers, {.min = 2, .max = 3}, "3 ImageNet, 2 CIFAR-10");
  fields.integer("predictor_hidden_dim",
                 predictor_hidden_dim,
                 {.min = 1},
                 "bottleneck of the predictor: a quarter of the embedding");
  fields.boolean("predictor_constant_lr",
                 predictor_constant_lr,
                 "the predictor keeps the peak learning rate; false: it follows the schedule");
}

const config::ComponentSpec& method_spec_simsiam() {
  static const config::ComponentSpec spec{
      "simsiam",
      "a predictor maps one view to the other, whose branch gets no gradient",
      "Chen and He 2021, arXiv:2011.10566",
      +[]() -> std::unique_ptr<config::Component> { return std::make_unique<SimSiamConfig>(); }};
  return spec;
}

}  // namespace sslrun::methods
