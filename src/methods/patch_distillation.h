// What iBOT and DINOv2 share.  N images of this process, V views, M patches of a global view, T hidden
// ones, D features, K outputs.
#pragma once
#include "methods/beit_mask.h"
#include "methods/center.h"
#include "methods/dino_head.h"
#include "methods/distillation_config.h"
#include "methods/method.h"
#include "methods/momentum.h"

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace sslrun::methods {

/// A student tells of the class tokens of all views, as in DINO, and of hidden patches of the global
/// views what a teacher that sees them whole makes of them.
/// source    Zhou et al. 2022, arXiv:2111.07832, equations 2 to 4; Oquab et al. 2024,
///           arXiv:2304.07193, section 4.
class PatchDistillation : public Method {
 public:
  StepResult forward(std::span<const at::Tensor> views, const StepContext& context) override;

  void after_step(const Progress&) override {
    center_.update();
    patch_center_.update();
  }

  void forget_step() override {
    center_.forget();
    patch_center_.forget();
  }

  nn::Following following(const Progress& progress) const override {
    return teacher_.following(cosine_momentum(keys_.momentum, progress));
  }

  std::int64_t embedding_dim() const override { return keys_.head.bottleneck_dim; }

  encoders::Encoder& evaluated() const override { return teacher_.encoder(); }

 protected:
  /// What vision transformers make of the global views.
  struct Tokens {
    at::Tensor class_ND;    // [2 N, D]
    at::Tensor patches_MD;  // [2 N * M, D]: patch m of row n in row n * M + m
  };

  /// softmax((logits - center) / temperature), not spelt out.
  struct Target {
    at::Tensor logits, center_K;
    double temperature;
  };

  struct Targets {
    Target class_tokens;  // logits [2 N, K]
    Target patches;       // of the hidden ones [T, K]
  };

  /// patch_head: of a head of the patches' own.
  PatchDistillation(const MethodDeps& deps,
                    const DistillationConfig& keys,
                    const std::optional<DistillationHeadConfig>& patch_head);

  /// For each image of each global view, view by view.
  virtual std::vector<Mask> masks(PatchGrid grid, const StepContext& context) = 0;

  /// What the heads of the teacher make of its tokens; runs without a graph.
  virtual Targets teach(const DinoHeads& heads,
                        const Tokens& whole,
                        const HiddenPatches& hidden,
                        const StepContext& context) = 0;

  /// Adds the method's other losses of the class tokens [2 N, D] of the masked global views.
  virtual void add_losses(const at::Tensor& class_ND,
                          const StepContext& context,
                          StepResult& result) const {
    static_cast<void>(class_ND);
    static_cast<void>(context);
    static_cast<void>(result);
  }

  DistillationConfig keys_;
  std::uint32_t seed_;

 private:
  nn::Init init_;
  DinoHeads heads_;
  MomentumBranch<DinoHeads> teacher_;
  at::Tensor mask_token_1D_;

 protected:
  Center center_, patch_center_;  // of the teacher's outputs
};

}  // namespace sslrun::methods
