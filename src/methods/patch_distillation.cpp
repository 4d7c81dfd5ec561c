#include "methods/patch_distillation.h"

#include "encoders/vit.h"
#include "methods/diagnostics.h"
#include "methods/multi_crop.h"
#include "ops/rows.h"
#include "ops/soft_cross_entropy.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/zeros.h>

#include <vector>

namespace sslrun::methods {
namespace {

std::int64_t patch_outputs(const DistillationHeadConfig& head,
                           const std::optional<DistillationHeadConfig>& patch_head) {
  if (patch_head) return patch_head->output_dim;
  return head.patch_output_dim > 0 ? head.patch_output_dim : head.output_dim;
}

}  // namespace

PatchDistillation::PatchDistillation(const MethodDeps& deps,
                                     const DistillationConfig& keys,
                                     const std::optional<DistillationHeadConfig>& patch_head)
    : Method(deps.make_encoder()),
      keys_(keys),
      seed_(deps.seed),
      init_(deps.seed, kFirstHeadOrdinal),
      heads_(encoder().width(), keys.head, patch_head, init_),
      teacher_(deps.make_encoder(),
               encoder(),
               "",
               heads_,
               encoder().width(),
               keys.head,
               patch_head),
      mask_token_1D_(register_parameter("mask_token", at::zeros({1, encoder().width()}))),
      center_(keys.head.output_dim, keys.center_momentum),
      patch_center_(patch_outputs(keys.head, patch_head), keys.center_momentum) {
  register_module("", heads_);
  register_module("teacher", teacher_);
  register_module("center", center_);
  register_module("patch_center", patch_center_);
}

StepResult PatchDistillation::forward(std::span<const at::Tensor> views,
                                      const StepContext& context) {
  const encoders::VisionTransformer &student = encoders::as_vit(encoder()),
                                    &teacher = encoders::as_vit(teacher_.encoder());
  const auto tokens = [](const encoders::VisionTransformer& vit, const at::Tensor& all_NTD) {
    const std::int64_t registers = vit.prefix() - 1, patches = all_NTD.size(1) - vit.prefix();
    const std::vector<at::Tensor> parts = all_NTD.split_with_sizes({1, registers, patches}, 1);
    return Tokens{parts[0].squeeze(1), parts[2].flatten(0, 1)};
  };
  const at::Tensor global_NCHW = ops::cat_rows(views.first(kGlobalViews));
  const std::int64_t patch = student.patch_size();
  const HiddenPatches hidden =
      hidden_patches(masks({global_NCHW.size(2) / patch, global_NCHW.size(3) / patch}, context),
                     global_NCHW.device());
  Targets targets;
  {
    const at::NoGradGuard no_grad;
    targets = teach(teacher_.head(), tokens(teacher, teacher.tokens(global_NCHW)), hidden, context);
  }
  const Tokens seen = tokens(student, student.tokens(global_NCHW, hidden.mask_NM, mask_token_1D_));
  std::vector<at::Tensor> class_tokens{seen.class_ND};
  if (views.size() > kGlobalViews) {
    class_tokens.push_back(
        multi_crop([&](const at::Tensor& x) { return student.tokens(x).select(1, 0); },
                   views.subspan(kGlobalViews)));
  }
  const at::Tensor class_MK = heads_.head().forward(ops::cat_rows(class_tokens));
  const at::Tensor patches_TK =
      heads_.patch_head().forward_patches(seen.patches_MD.index_select(0, hidden.places_T));

  const std::int64_t outputs = keys_.head.output_dim;
  const at::Tensor class_loss =
      ops::self_distillation(class_MK.view({static_cast<std::int64_t>(views.size()), -1, outputs}),
                             targets.class_tokens.logits.view({kGlobalViews, -1, outputs}),
                             targets.class_tokens.center_K,
                             keys_.student_temperature,
                             targets.class_tokens.temperature);
  const at::Tensor patch_loss = ops::weighted_self_distillation(patches_TK,
                                                                targets.patches.logits,
                                                                targets.patches.center_K,
                                                                hidden.weights_T,
                                                                keys_.student_temperature,
                                                                targets.patches.temperature);
  StepResult result{
      .loss = class_loss + patch_loss,
      .scalars = {{"class_loss", class_loss.detach()}, {"patch_loss", patch_loss.detach()}}};
  add_losses(seen.class_ND, context, result);
  if (!context.diagnose) return result;
  const auto& [logits_NK, center_K, temperature] = targets.class_tokens;
  report_assignments(ops::centered_softmax(logits_NK, center_K, temperature), result);
  report("teacher_temperature", temperature, result);
  report_follower(teacher_.distance(), cosine_momentum(keys_.momentum, context.progress), result);
  return result;
}

}  // namespace sslrun::methods
