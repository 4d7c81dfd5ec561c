#include "nn/transformer_block.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/gelu.h>
#include <ATen/ops/silu.h>

#include <vector>

namespace sslrun::nn {
namespace {

std::int64_t hidden_features(std::int64_t features, bool swiglu) {
  return swiglu ? (4 * features * 2 / 3 + 7) / 8 * 8 : 4 * features;
}

}  // namespace

FeedForward::FeedForward(std::int64_t features, bool swiglu, const TransformerInit& how, Init& init)
    : swiglu_(swiglu),
      fc1_(transformer_weight(features,
                              hidden_features(features, swiglu) * (swiglu ? 2 : 1),
                              how.rule,
                              init),
           Init::constant({hidden_features(features, swiglu) * (swiglu ? 2 : 1)}, 0)),
      fc2_(transformer_weight(hidden_features(features, swiglu), features, how.rule, init)
               .mul_(how.residual_scale),
           Init::constant({features}, 0)) {
  register_module("fc1", fc1_);
  register_module("fc2", fc2_);
}

at::Tensor FeedForward::forward(const at::Tensor& x_NTD) const {
  const at::Tensor h = fc1_.forward(x_NTD);
  if (!swiglu_) return fc2_.forward(at::gelu(h));
  const std::vector<at::Tensor> halves = h.chunk(2, -1);
  return fc2_.forward(at::silu(halves[0]) * halves[1]);
}

LayerScale::LayerScale(std::int64_t features, double start)
    : gamma_D_(register_parameter("gamma", Init::constant({features}, start))) {}

at::Tensor LayerScale::forward(const at::Tensor& x_NTD) const {
  return x_NTD * gamma_D_;
}

TransformerBlock::TransformerBlock(const BlockShape& shape, const TransformerInit& how, Init& init)
    : norm1_(shape.features),
      norm2_(shape.features),
      attention_(shape.features, shape.heads, how, init),
      feed_forward_(shape.features, shape.swiglu, how, init),
      drop1_(shape.drop_path),
      drop2_(shape.drop_path) {
  const bool scaled = shape.layer_scale != 0;
  if (scaled) {
    scale1_ = std::make_unique<LayerScale>(shape.features, shape.layer_scale);
    scale2_ = std::make_unique<LayerScale>(shape.features, shape.layer_scale);
  }
  register_module("norm1", norm1_);
  register_module("attn", attention_);
  if (scaled) register_module("ls1", *scale1_);
  register_module("drop_path1", drop1_);
  register_module("norm2", norm2_);
  register_module("mlp", feed_forward_);
  if (scaled) register_module("ls2", *scale2_);
  register_module("drop_path2", drop2_);
}

at::Tensor TransformerBlock::forward(const at::Tensor& x_NTD,
                                     const Rotation* rotation,
                                     const at::Tensor& bias_HTT) const {
  at::Tensor branch = attention_.forward(norm1_.forward(x_NTD), rotation, bias_HTT);
  if (scale1_) branch = scale1_->forward(branch);
  const at::Tensor y_NTD = x_NTD + drop1_.forward(branch);
  branch = feed_forward_.forward(norm2_.forward(y_NTD));
  if (scale2_) branch = scale2_->forward(branch);
  return y_NTD + drop2_.forward(branch);
}

}  // namespace sslrun::nn
