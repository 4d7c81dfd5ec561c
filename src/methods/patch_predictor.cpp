#include "methods/patch_predictor.h"

#include "nn/positions.h"

#include <cmath>
#include <string>

namespace sslrun::methods {
namespace {

constexpr double kTokenStd = 0.02;

nn::Linear linear(std::int64_t inputs, std::int64_t outputs, nn::MatrixRule rule, nn::Init& init) {
  return nn::Linear(nn::transformer_weight(inputs, outputs, rule, init),
                    nn::Init::constant({outputs}, 0));
}

}  // namespace

PatchPredictor::PatchPredictor(const PatchPredictorShape& shape, nn::Init& init)
    : embed_(linear(shape.inputs, shape.width, shape.rule, init)),
      mask_token_W_(register_parameter("mask_token", init.normal({shape.width}, kTokenStd))),
      norm_(shape.width),
      project_(linear(shape.width, shape.outputs, shape.rule, init)) {
  register_module("embed", embed_);
  for (std::int64_t i = 0; i < shape.depth; ++i) {
    const double scale = shape.shrink ? 1 / std::sqrt(2.0 * static_cast<double>(i + 1)) : 1;
    blocks_.push_back(std::make_unique<nn::TransformerBlock>(
        nn::BlockShape{.features = shape.width, .heads = shape.heads},
        nn::TransformerInit{.rule = shape.rule, .residual_scale = scale},
        init));
    register_module("blocks." + std::to_string(i), *blocks_.back());
  }
  register_module("norm", norm_);
  register_module("project", project_);
}

at::Tensor PatchPredictor::positions(std::int64_t rows,
                                     std::int64_t columns,
                                     at::Device device) const {
  return nn::sincos_positions(rows, columns, mask_token_W_.size(0)).to(device);
}

at::Tensor PatchPredictor::forward(const at::Tensor& x_NTW) const {
  at::Tensor x = x_NTW;
  for (const auto& block : blocks_) x = block->forward(x);
  return project_.forward(norm_.forward(x));
}

}  // namespace sslrun::methods
