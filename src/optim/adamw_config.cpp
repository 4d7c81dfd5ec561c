#include "optim/adamw_config.h"

#include "config/fields.h"

namespace sslrun::optim {

void AdamWConfig::bind(config::Fields& fields) {
  fields.real(
      "beta1", beta1, {.min = 0, .max = 0.99999}, "decay of the running mean of the gradient");
  fields.real("beta2",
              beta2,
              {.min = 0, .max = 0.9999999},
              "decay of the running mean of its square: 0.95 MAE");
  fields.real("eps", eps, {.min = 0, .open_min = true}, "added to the root of the second moment");
  fields.real("weight_decay",
              weight_decay,
              {.min = 0},
              "decoupled: w -= lr * weight_decay * w before the step");
  fields.real_or_auto("weight_decay_end",
                      weight_decay_end,
                      {.min = 0},
                      "what weight_decay moves to along a cosine over the run: 0.4 DINO, I-JEPA; "
                      "auto: it stays");
  fields.boolean("decay_1d", decay_1d, "decay biases and norm parameters too, as MoCo v3 does");
}

const config::ComponentSpec& optimizer_spec_adamw() {
  static const config::ComponentSpec spec{
      "adamw",
      "Adam with decoupled weight decay",
      "Loshchilov and Hutter 2019, arXiv:1711.05101",
      +[]() -> std::unique_ptr<config::Component> { return std::make_unique<AdamWConfig>(); }};
  return spec;
}

}  // namespace sslrun::optim
