#include "methods/simclr_config.h"

#include "config/fields.h"

#include <array>
#include <string_view>

namespace sslrun::methods {
namespace {

constexpr std::array<std::string_view, 3> kLosses = {"nt_xent", "dcl", "dclw"};

}  // namespace

void SimClrConfig::bind(config::Fields& fields) {
  fields.real("temperature",
              temperature,
              {.min = 0, .open_min = true},
              "softmax temperature: 0.1 ImageNet, 0.5 CIFAR-10");
  fields.choice("loss",
                loss,
                kLosses,
                "nt_xent; dcl: without the positive in the denominator; dclw: that, weighted");
  fields.real("sigma",
              sigma,
              {.min = 0, .open_min = true},
              "of dclw: temperature of the weights of positives");
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
