#include "optim/sgd_config.h"

#include "config/fields.h"

namespace sslrun::optim {

void SgdConfig::bind(config::Fields& fields) {
  fields.real(
      "momentum", momentum, {.min = 0, .max = 0.99999}, "share of the last step that goes on");
  fields.boolean("nesterov", nesterov, "look ahead along the momentum");
  fields.real("weight_decay",
              weight_decay,
              {.min = 0},
              "L2 penalty added to the gradient: 1e-4 SimSiam, MoCo");
  fields.boolean(
      "decay_1d", decay_1d, "decay biases and norm parameters too, as SimSiam and MoCo do");
}

const config::ComponentSpec& optimizer_spec_sgd() {
  static const config::ComponentSpec spec{
      "sgd",
      "SGD with momentum",
      "Sutskever et al. 2013; momentum buffer as in PyTorch (lr outside)",
      +[]() -> std::unique_ptr<config::Component> { return std::make_unique<SgdConfig>(); }};
  return spec;
}

}  // namespace sslrun::optim
