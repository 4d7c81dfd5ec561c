#include "nn/mlp.h"

#include "base/error.h"

namespace sslrun::nn {

Mlp::Mlp(const MlpShape& shape, Init& init) {
  check_invariant(shape.widths.size() >= 2, "an Mlp has at least an input and an output width");
  int place = 0;
  for (std::size_t i = 0; i + 1 < shape.widths.size(); ++i) {
    const bool last = i + 2 == shape.widths.size();
    Layer layer{.linear = {}, .norm = {}, .relu = !last};
    const bool bias = last ? shape.output_bias : shape.hidden_bias;
    layer.linear = std::make_unique<Linear>(shape.widths[i], shape.widths[i + 1], bias, init);
    register_module(std::to_string(place++), *layer.linear);
    const std::optional<Affine> norm = last                ? shape.output_norm
                                       : shape.hidden_norm ? std::optional(Affine::kScaleAndShift)
                                                           : std::nullopt;
    if (norm) {
      layer.norm = std::make_unique<BatchNorm>(shape.widths[i + 1], *norm);
      register_module(std::to_string(place++), *layer.norm);
    }
    if (layer.relu) ++place;
    layers_.push_back(std::move(layer));
  }
}

at::Tensor Mlp::forward(const at::Tensor& x_ND) const {
  at::Tensor x = x_ND;
  for (const Layer& layer : layers_) {
    x = layer.linear->forward(x);
    if (layer.norm) x = layer.norm->forward(x);
    if (layer.relu) x = x.relu();
  }
  return x;
}

}  // namespace sslrun::nn
