#include "methods/dino_head.h"

#include "ops/unit_rows.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/gelu.h>
#include <ATen/ops/linear.h>

#include <cmath>
#include <string>

namespace sslrun::methods {
namespace {

constexpr double kStd = 0.02;

}  // namespace

WeightNormLinear::WeightNormLinear(std::int64_t inputs,
                                   std::int64_t outputs,
                                   bool train_length,
                                   nn::Init& init)
    : weight_g_K1_(register_parameter("weight_g", nn::Init::constant({outputs, 1}, 1))),
      weight_v_KB_(register_parameter(
          "weight_v",
          init.uniform({outputs, inputs}, 1 / std::sqrt(static_cast<double>(inputs))))) {
  if (!train_length) weight_g_K1_.requires_grad_(false);
}

at::Tensor WeightNormLinear::forward(const at::Tensor& x_NB) const {
  return at::linear(x_NB, weight_v_KB_ * (weight_g_K1_ / weight_v_KB_.norm(2, {1}, true)));
}

DinoHead::DinoHead(std::int64_t inputs, const DistillationHeadConfig& config, nn::Init& init)
    : last_layer_(config.bottleneck_dim, config.output_dim, !config.norm_last_layer, init) {
  const std::array<std::int64_t, 4> widths{
      inputs, config.hidden_dim, config.hidden_dim, config.bottleneck_dim};
  for (std::size_t i = 0; i < linears_.size(); ++i) {
    linears_[i] = std::make_unique<nn::Linear>(init.normal({widths[i + 1], widths[i]}, kStd),
                                               nn::Init::constant({widths[i + 1]}, 0));
    register_module("mlp." + std::to_string(2 * i), *linears_[i]);
  }
  register_module("last_layer", last_layer_);
  if (config.patch_output_dim == 0) return;
  last_layer2_ = std::make_unique<WeightNormLinear>(
      config.bottleneck_dim, config.patch_output_dim, !config.norm_last_layer, init);
  register_module("last_layer2", *last_layer2_);
}

DinoHeads::DinoHeads(std::int64_t inputs,
                     const DistillationHeadConfig& config,
                     const std::optional<DistillationHeadConfig>& patch_config,
                     nn::Init& init)
    : head_(inputs, config, init) {
  register_module("head", head_);
  if (!patch_config) return;
  patch_head_.emplace(inputs, *patch_config, init);
  register_module("patch_head", *patch_head_);
}

at::Tensor DinoHead::embed(const at::Tensor& x_NF) const {
  at::Tensor x = linears_[0]->forward(x_NF);
  for (std::size_t i = 1; i < linears_.size(); ++i) x = linears_[i]->forward(at::gelu(x));
  return ops::unit_rows(x);
}

}  // namespace sslrun::methods
