#include "optim/lamb_config.h"

#include "config/fields.h"

namespace sslrun::optim {

void LambConfig::bind(config::Fields& fields) {
  fields.real(
      "beta1", beta1, {.min = 0, .max = 0.99999}, "decay of the running mean of the gradient");
  fields.real(
      "beta2", beta2, {.min = 0, .max = 0.9999999}, "decay of the running mean of its square");
  fields.real("eps", eps, {.min = 0, .open_min = true}, "added to the root of the second moment");
  fields.real("weight_decay",
              weight_decay,
              {.min = 0},
              "times the weights, added to Adam's step before it is scaled");
  fields.boolean(
      "decay_1d", decay_1d, "decay and scale biases and norms too; else they move as in Adam");
}

const config::ComponentSpec& optimizer_spec_lamb() {
  static const config::ComponentSpec spec{
      "lamb",
      "Adam whose step is scaled to each tensor's norm, for large batches",
      "You et al. 2020, arXiv:1904.00962",
      +[]() -> std::unique_ptr<config::Component> { return std::make_unique<LambConfig>(); }};
  return spec;
}

}  // namespace sslrun::optim
