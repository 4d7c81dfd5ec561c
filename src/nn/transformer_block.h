// N rows, T tokens, D features.
#pragma once
#include "nn/attention.h"
#include "nn/drop_path.h"
#include "nn/layer_norm.h"

#include <cstdint>
#include <memory>

namespace sslrun::nn {

struct BlockShape {
  std::int64_t features = 192;
  std::int64_t heads = 3;
  bool swiglu = false;     // silu(x1) * x2 in place of GELU in the feed-forward part
  double layer_scale = 0;  // starting value of the factors on each branch; 0: none
  double drop_path = 0;    // probability that a branch is dropped
};

/// Linear, GELU (exact), Linear with 4 D hidden features; or fc2(silu(x1) * x2) with [x1, x2] = fc1(x)
/// and 8 D / 3 hidden features, rounded up to a multiple of 8. Names are timm's: fc1, fc2.
/// source    Dosovitskiy et al. 2021, arXiv:2010.11929; Shazeer 2020, arXiv:2002.05202;
///           facebookresearch/dinov2 layers/swiglu_ffn.py (its w12 and w3).
class FeedForward final : public Module {
 public:
  FeedForward(std::int64_t features, bool swiglu, const TransformerInit& how, Init& init);

  /// x_NTD [N, T, D] -> [N, T, D].
  at::Tensor forward(const at::Tensor& x_NTD) const;

 private:
  bool swiglu_;
  Linear fc1_, fc2_;
};

/// A factor for each feature, trained: "gamma".
/// source    Touvron et al. 2021, arXiv:2103.17239.
class LayerScale final : public Module {
 public:
  LayerScale(std::int64_t features, double start);

  at::Tensor forward(const at::Tensor& x_NTD) const;

 private:
  at::Tensor gamma_D_;
};

/// x + attention(norm(x)), then x + mlp(norm(x)), each branch scaled and dropped as the shape says.
/// Names are timm's: norm1, attn, ls1, norm2, mlp, ls2.
/// source    Dosovitskiy et al. 2021, arXiv:2010.11929, equations 2 and 3.
class TransformerBlock final : public Module {
 public:
  TransformerBlock(const BlockShape& shape, const TransformerInit& how, Init& init);

  /// x_NTD [N, T, D] -> [N, T, D]. rotation and bias_HTT: as in Attention.
  at::Tensor forward(const at::Tensor& x_NTD,
                     const Rotation* rotation = nullptr,
                     const at::Tensor& bias_HTT = {}) const;

 private:
  LayerNorm norm1_, norm2_;
  Attention attention_;
  FeedForward feed_forward_;
  std::unique_ptr<LayerScale> scale1_, scale2_;
  DropPath drop1_, drop2_;
};

}  // namespace sslrun::nn
