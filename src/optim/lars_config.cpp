#include "optim/lars_config.h"

#include "config/fields.h"

namespace sslrun::optim {

void LarsConfig::bind(config::Fields& fields) {
  fields.real(
      "momentum", momentum, {.min = 0, .max = 0.99999}, "share of the last step that goes on");
  fields.real(
      "trust_coefficient",
      trust_coefficient,
      {.min = 0, .open_min = true},
      "length of a tensor's step relative to the tensor at lr 1: 0.001 in the published recipes");
  fields.real(
      "weight_decay",
      weight_decay,
      {.min = 0},
      "of tensors with two or more dimensions; biases and norms are neither decayed nor scaled");
}

const config::ComponentSpec& optimizer_spec_lars() {
  static const config::ComponentSpec spec{
      "lars",
      "SGD whose step is scaled to each tensor's norm, for large batches",
      "You et al. 2017, arXiv:1708.03888; SimCLR, BYOL, Barlow Twins",
      +[]() -> std::unique_ptr<config::Component> { return std::make_unique<LarsConfig>(); }};
  return spec;
}

}  // namespace sslrun::optim
