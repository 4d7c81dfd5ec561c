#include "methods/mocov3_config.h"

#include "config/fields.h"

namespace sslrun::methods {

void MoCoV3Config::bind(config::Fields& fields) {
  fields.real("temperature",
              temperature,
              {.min = 0, .open_min = true},
              "softmax temperature: 1.0 ResNet-50, 0.2 ViT and CIFAR-10");
  fields.real("momentum",
              momentum,
              {.min = 0, .max = 1},
              "of the key network at the start; it rises to 1 along a cosine");
  projector.bind(fields, "the head of both networks, dropped after pretraining");
  fields.integer("projector_layers", projector_layers, {.min = 2, .max = 3}, "2 ResNet-50, 3 ViT");
  fields.integer("predictor_hidden_dim",
                 predictor_hidden_dim,
                 {.min = 1},
                 "hidden width of the predictor, which only the trained network has");
  fields.boolean("predictor_norm",
                 predictor_norm,
                 "batch norm without weights after the predictor, as for ViT");
}

const config::ComponentSpec& method_spec_mocov3() {
  static const config::ComponentSpec spec{
      "mocov3",
      "queries find their keys, made by a momentum network, among those of the batch",
      "Chen, Xie, He 2021, arXiv:2104.02057",
      +[]() -> std::unique_ptr<config::Component> { return std::make_unique<MoCoV3Config>(); }};
  return spec;
}

}  // namespace sslrun::methods
