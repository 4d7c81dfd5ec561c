// N rows, T tokens, D features.
#pragma once
#include "nn/init.h"
#include "nn/linear.h"
#include "nn/module.h"
#include "nn/positions.h"

#include <cstdint>

namespace sslrun::nn {

/// How the weights of a transformer's linears start; biases start at 0.
enum class MatrixRule {
  kNormal,          // N(0, 0.02^2): trunc_normal_(std=.02), whose cut at 2 is 100 deviations away
  kXavier,          // uniform in +-sqrt(6 / (inputs + outputs)): MAE
  kXavierSplitQkv,  // the same, queries, keys and values as three matrices: MoCo v3
};

struct TransformerInit {
  MatrixRule rule = MatrixRule::kNormal;
  double residual_scale = 1;  // of the weights that end a residual branch; I-JEPA shrinks them
};

/// The starting weights [outputs, inputs] of a linear.
at::Tensor transformer_weight(std::int64_t inputs,
                              std::int64_t outputs,
                              MatrixRule rule,
                              Init& init);

/// Multi-head self-attention: softmax(q k^T / sqrt(D / heads)) v of each head, projected. Names are
/// timm's: qkv, with the queries of all heads first, and proj.
/// source    Vaswani et al. 2017, arXiv:1706.03762; timm layers/attention.py.
class Attention final : public Module {
 public:
  /// features must divide by heads.
  Attention(std::int64_t features, std::int64_t heads, const TransformerInit& how, Init& init);

  /// x_NTD [N, T, D] -> [N, T, D]. rotation: null, or the positions of the last tokens. bias_HTT: none,
  /// or [heads, T, T] or [N, heads, T, T], added to q k^T / sqrt(D / heads): rows the queries.
  at::Tensor forward(const at::Tensor& x_NTD,
                     const Rotation* rotation,
                     const at::Tensor& bias_HTT = {}) const;

 private:
  std::int64_t heads_;
  Linear qkv_, proj_;
};

}  // namespace sslrun::nn
