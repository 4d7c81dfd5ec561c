// Methods on the patches of a very small vision transformer.
#pragma once
#include "encoders/vit.h"
#include "methods/beit_mask.h"
#include "methods/multi_crop.h"
#include "tests/methods/distillation.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/zeros_like.h>

#include <string>
#include <vector>

namespace sslrun::test {

constexpr std::int64_t kFeaturesOfVit = 8, kPatchSide = 2;

inline std::unique_ptr<encoders::Encoder> small_vit() {
  nn::Init init(11);
  return std::make_unique<encoders::VisionTransformer>(
      encoders::VitShape{.features = kFeaturesOfVit,
                         .depth = 1,
                         .heads = 2,
                         .patch_size = kPatchSide,
                         .image_size = 12,
                         .registers = 1},
      init);
}

/// Views with structure in the image, of 12 x 12 (6 x 6 patches) and 6 x 6 pixels.
struct PatchSetting : Setting {
  explicit PatchSetting(const std::string& yaml) : Setting(yaml, {12, 12, 6, 6}, small_vit) {
    for (std::size_t v = 0; v < views.size(); ++v) {
      const std::int64_t side = views[v].size(2);
      views[v] = (wave(kImages * 3, side * side, 0.3 + static_cast<double>(v)) * 1.5)
                     .to(at::kFloat)
                     .view({kImages, 3, side, side});
    }
    for (const auto& [name, tensor] : method->named_state()) {
      if (name == "mask_token") tensor.detach().add_(wave(1, kFeaturesOfVit, 0.8).to(at::kFloat));
      if (name == "center.mean" || name == "patch_center.mean")
        tensor.copy_(wave(1, tensor.size(0), 0.3)[0] * 0.05);
    }
  }

  Tensor globals() const { return at::cat({views[0], views[1]}); }
};

/// Class tokens and patches in float64, [2 * N, D] and [2 * N, M, D].
struct TokensOf {
  TokensOf(const encoders::Encoder& encoder,
           const Tensor& x,
           const Tensor& mask = {},
           const Tensor& token = {}) {
    const at::NoGradGuard no_grad;
    const Tensor all = encoders::as_vit(encoder).tokens(x, mask, token).to(at::kDouble);
    class_token = all.select(1, 0);
    patches = all.slice(1, 2);  // class token, register
  }

  Tensor class_token, patches;
};

/// DINO's loss on class tokens: targets[q] against the student's views, v != q.
inline Tensor class_loss(const std::vector<Tensor>& targets,
                         const std::vector<Tensor>& student,
                         double temperature) {
  Tensor loss = at::zeros({}, at::kDouble);
  int terms = 0;
  for (std::size_t q = 0; q < targets.size(); ++q) {
    for (std::size_t v = 0; v < student.size(); ++v) {
      if (v == q) continue;
      loss = loss + soft_entropy(targets[q], student[v], temperature).mean();
      ++terms;
    }
  }
  return loss / terms;
}

/// The mean over views of the mean over hidden patches; a view without any counts as 0.
inline Tensor patch_loss(const Tensor& target_NMK,
                         const Tensor& student_NMK,
                         const Tensor& mask_NM,
                         double temperature) {
  const Tensor each_NM = soft_entropy(target_NMK, student_NMK, temperature);
  const Tensor mask = mask_NM.to(at::kDouble);
  return ((each_NM * mask).sum(1) / mask.sum(1).clamp_min(1)).mean();
}

}  // namespace sslrun::test
