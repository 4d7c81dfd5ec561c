#include "nn/attention.h"

#include "base/error.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/scaled_dot_product_attention.h>

#include <cmath>
#include <vector>

namespace sslrun::nn {
namespace {

constexpr double kStd = 0.02;
constexpr std::int64_t kFewTokens = 256;  // measured: 1.9 x at 37, 1.3 x at 187, 0.8 x at 547

at::Tensor qkv_weight(std::int64_t features, MatrixRule rule, Init& init) {
  const double third = 6.0 / static_cast<double>(2 * features);
  return rule == MatrixRule::kXavierSplitQkv
             ? init.uniform({3 * features, features}, std::sqrt(third))
             : transformer_weight(features, 3 * features, rule, init);
}

/// softmax(q k' / sqrt(d) + bias) v.  shapes [N, H, T, d]; bias [H, T, T], [N, H, T, T] or none.
at::Tensor attend(const at::Tensor& q_NHTd,
                  const at::Tensor& k_NHTd,
                  const at::Tensor& v_NHTd,
                  const at::Tensor& bias_HTT) {
  // The fused kernel for processors makes a product of oneDNN for each head and block, which in
  // bfloat16 takes longer to set up than to compute: with few tokens all heads go in one.
  const bool few =
      q_NHTd.is_cpu() && q_NHTd.scalar_type() == at::kBFloat16 && q_NHTd.size(2) <= kFewTokens;
  if (!few) {
    if (!bias_HTT.defined()) return at::scaled_dot_product_attention(q_NHTd, k_NHTd, v_NHTd);
    return at::scaled_dot_product_attention(
        q_NHTd, k_NHTd, v_NHTd, bias_HTT.to(q_NHTd.scalar_type()));
  }
  const double scale = 1 / std::sqrt(static_cast<double>(q_NHTd.size(3)));
  at::Tensor logits = (q_NHTd * scale).matmul(k_NHTd.transpose(2, 3));
  if (bias_HTT.defined()) logits = logits + bias_HTT;  // in float32, as with autocast in PyTorch
  const at::Tensor weights = logits.softmax(3, at::kFloat);
  return weights.to(v_NHTd.scalar_type()).matmul(v_NHTd);
}

}  // namespace

at::Tensor transformer_weight(std::int64_t inputs,
                              std::int64_t outputs,
                              MatrixRule rule,
                              Init& init) {
  return rule == MatrixRule::kNormal ? init.normal({outputs, inputs}, kStd)
                                     : init.xavier({outputs, inputs});
}

Attention::Attention(std::int64_t features,
                     std::int64_t heads,
                     const TransformerInit& how,
                     Init& init)
    : heads_(heads),
      qkv_(qkv_weight(features, how.rule, init), Init::constant({3 * features}, 0)),
      proj_(transformer_weight(features, features, how.rule, init).mul_(how.residual_scale),
            Init::constant({features}, 0)) {
  check_invariant(features % heads == 0, "heads divide the features");
  register_module("qkv", qkv_);
  register_module("proj", proj_);
}

at::Tensor Attention::forward(const at::Tensor& x_NTD,
                              const Rotation* rotation,
                              const at::Tensor& bias_HTT) const {
  const std::int64_t rows = x_NTD.size(0), tokens = x_NTD.size(1), features = x_NTD.size(2);
  // One unbind: the backward of a select fills a whole gradient with zeros.
  std::vector<at::Tensor> qkv = qkv_.forward(x_NTD)
                                    .view({rows, tokens, 3, heads_, features / heads_})
                                    .permute({2, 0, 3, 1, 4})
                                    .unbind(0);
  if (rotation != nullptr) {
    qkv[0] = rotate(qkv[0], *rotation);
    qkv[1] = rotate(qkv[1], *rotation);
  }
  const at::Tensor y_NHTd = attend(qkv[0], qkv[1], qkv[2], bias_HTT);
  return proj_.forward(y_NHTd.transpose(1, 2).reshape({rows, tokens, features}));
}

}  // namespace sslrun::nn
