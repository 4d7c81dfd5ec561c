// The narrow transformer beside a vision transformer that predicts what patches hold: MAE's decoder,
// I-JEPA's predictor.  N rows, T tokens, R x C patches, W features inside.
#pragma once
#include "nn/layer_norm.h"
#include "nn/linear.h"
#include "nn/transformer_block.h"

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <vector>

namespace sslrun::methods {

struct PatchPredictorShape {
  std::int64_t inputs = 192;  // features of the encoder
  std::int64_t width = 384;   // W
  std::int64_t depth = 8;
  std::int64_t heads = 16;
  std::int64_t outputs = 192;
  nn::MatrixRule rule = nn::MatrixRule::kNormal;
  bool shrink = false;  // block i's weights that end a residual branch start 1 / sqrt(2 i) as large
};

class PatchPredictor final : public nn::Module {
 public:
  PatchPredictor(const PatchPredictorShape& shape, nn::Init& init);

  /// [N, T, inputs] -> [N, T, W].
  at::Tensor embed(const at::Tensor& x_NTD) const { return embed_.forward(x_NTD); }

  /// W features that stand for a patch whose content is to be predicted, [W].
  const at::Tensor& mask_token() const { return mask_token_W_; }

  /// Fixed sin-cos positions [R * C, W] on the device.
  at::Tensor positions(std::int64_t rows, std::int64_t columns, at::Device device) const;

  /// Blocks, last norm and projection: [N, T, W] -> [N, T, outputs].
  at::Tensor forward(const at::Tensor& x_NTW) const;

 private:
  nn::Linear embed_;
  at::Tensor mask_token_W_;
  std::vector<std::unique_ptr<nn::TransformerBlock>> blocks_;
  nn::LayerNorm norm_;
  nn::Linear project_;
};

}  // namespace sslrun::methods
