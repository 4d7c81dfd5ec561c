#include "methods/byol_config.h"

#include "config/fields.h"

namespace sslrun::methods {

void ByolConfig::bind(config::Fields& fields) {
  fields.real("momentum",
              momentum,
              {.min = 0, .max = 1},
              "of the target network at the start; it rises to 1 along a cosine");
  projector.bind(fields, "the head of both networks, dropped after pretraining");
  fields.integer("predictor_hidden_dim",
                 predictor_hidden_dim,
                 {.min = 1},
                 "hidden width of the predictor, which only the trained network has");
}

const config::ComponentSpec& method_spec_byol() {
  static const config::ComponentSpec spec{
      "byol",
      "a network predicts what its own moving average sees in another view",
      "Grill et al. 2020, arXiv:2006.07733",
      +[]() -> std::unique_ptr<config::Component> { return std::make_unique<ByolConfig>(); }};
  return spec;
}

}  // namespace sslrun::methods
