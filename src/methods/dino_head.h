// The head of the DINO family.  N rows, F inputs, B = bottleneck_dim, K = output_dim.
#pragma once
#include "methods/distillation_config.h"
#include "nn/init.h"
#include "nn/linear.h"
#include "nn/module.h"

#include <array>
#include <cstdint>
#include <memory>
#include <optional>

namespace sslrun::methods {

/// A linear layer without bias whose row k is g_k v_k / |v_k|, under the names of
/// torch.nn.utils.weight_norm: weight_g [K, 1], which starts at 1, and weight_v [K, B], uniform in
/// +-1 / sqrt(B).
/// source    Salimans and Kingma 2016, arXiv:1602.07868, equation 2.
class WeightNormLinear final : public nn::Module {
 public:
  /// train_length: g is trained, else it stays 1.
  WeightNormLinear(std::int64_t inputs, std::int64_t outputs, bool train_length, nn::Init& init);

  /// x_NB [N, B] -> [N, K].
  at::Tensor forward(const at::Tensor& x_NB) const;

 private:
  at::Tensor weight_g_K1_, weight_v_KB_;
};

/// Three linear layers with GELU between them, unit length, and a weight-normed last layer: "mlp.0",
/// "mlp.2", "mlp.4", "last_layer". Linears start as N(0, 0.02^2) with bias 0.
/// source    Caron et al. 2021, arXiv:2104.14294, appendix C; facebookresearch/dino
///           vision_transformer.py DINOHead.
class DinoHead final : public nn::Module {
 public:
  DinoHead(std::int64_t inputs, const DistillationHeadConfig& config, nn::Init& init);

  /// x_NF [N, F] -> [N, K].
  at::Tensor forward(const at::Tensor& x_NF) const { return logits(embed(x_NF)); }

  /// x_NF [N, F] -> unit rows [N, B] in float32.
  at::Tensor embed(const at::Tensor& x_NF) const;

  /// Unit rows [N, B] -> [N, K].
  at::Tensor logits(const at::Tensor& z_NB) const { return last_layer_.forward(z_NB); }

  /// Those of patches: by "last_layer2" where there is one.
  at::Tensor patch_logits(const at::Tensor& z_NB) const {
    return last_layer2_ ? last_layer2_->forward(z_NB) : logits(z_NB);
  }

  at::Tensor forward_patches(const at::Tensor& x_NF) const { return patch_logits(embed(x_NF)); }

 private:
  std::array<std::unique_ptr<nn::Linear>, 3> linears_;
  WeightNormLinear last_layer_;
  std::unique_ptr<WeightNormLinear> last_layer2_;
};

/// A head of class tokens and patches, "head", or one of each: "head" and "patch_head".
class DinoHeads final : public nn::Module {
 public:
  DinoHeads(std::int64_t inputs,
            const DistillationHeadConfig& config,
            const std::optional<DistillationHeadConfig>& patch_config,
            nn::Init& init);

  const DinoHead& head() const { return head_; }

  const DinoHead& patch_head() const { return patch_head_ ? *patch_head_ : head_; }

 private:
  DinoHead head_;
  std::optional<DinoHead> patch_head_;
};

}  // namespace sslrun::methods
