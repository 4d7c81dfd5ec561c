#include "methods/lejepa_config.h"

#include "config/fields.h"

namespace sslrun::methods {

void LeJepaConfig::bind(config::Fields& fields) {
  fields.real("lambda",
              lambda,
              {.min = 0, .max = 1},
              "weight of SIGReg; the distance between the views weighs 1 - lambda");
  fields.integer("slices", slices, {.min = 1}, "random directions of SIGReg, others in each step");
  fields.integer("global_views",
                 global_views,
                 {.min = 1, .max = 64},
                 "views, at the start, whose mean all views are drawn to");
  fields.integer("linear_dim",
                 linear_dim,
                 {.min = 0},
                 "width of a linear layer between encoder and projector, dropped with it; 0: none");
  projector.bind(fields, "three linear layers with batch norm, dropped after pretraining");
}

const config::ComponentSpec& method_spec_lejepa() {
  static const config::ComponentSpec spec{
      "lejepa",
      "views meet at their mean while the embeddings stay an isotropic Gaussian",
      "Balestriero and LeCun 2025, arXiv:2511.08544",
      +[]() -> std::unique_ptr<config::Component> { return std::make_unique<LeJepaConfig>(); }};
  return spec;
}

}  // namespace sslrun::methods
