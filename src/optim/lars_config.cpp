#include "optim/lars_config.h"

#include "config/fields.h"

#include <array>
#include <string_view>

namespace sslrun::optim {
namespace {

constexpr std::array<std::string_view, 2> kTrustRatios = {"joint", "separate"};

}  // namespace

void LarsConfig::bind(config::Fields& fields) {
  fields.real(
      "momentum", momentum, {.min = 0, .max = 0.99999}, "share of the last step that goes on");
  fields.real(
      "trust_coefficient",
      trust_coefficient,
      {.min = 0, .open_min = true},
      "length of a tensor's step relative to the tensor at lr 1: 0.001 in the published recipes");
  fields.choice(
      "trust_ratio",
      trust_ratio,
      kTrustRatios,
      "norm of a tensor over that of its gradient with decay (joint: MoCo v3, BYOL, Barlow "
      "Twins), or over the sum of both norms (separate: LARC, solo-learn)");
  fields.boolean("clip_lr",
                 clip_lr,
                 "a tensor's rate is at most lr: min(trust / lr, 1), as in LARC and solo-learn");
  fields.real("weight_decay", weight_decay, {.min = 0}, "L2 penalty added to the gradient");
  fields.boolean(
      "exclude_1d",
      exclude_1d,
      "biases and norms are neither decayed nor scaled; false: they are, as SwAV's LARC does");
  fields.real("lr_scale_1d",
              lr_scale_1d,
              {.min = 0},
              "times the learning rate of biases and norms: 0.024 Barlow Twins, 0.0048 / 0.2");
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
