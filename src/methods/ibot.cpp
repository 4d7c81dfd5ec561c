// iBOT: DINO on class tokens, and on patches that are hidden from the student but not from the teacher.
// N images of this process, V views, M patches of a global view, T hidden ones, D features, B =
// bottleneck_dim, K outputs.  source: Zhou et al. 2022, arXiv:2111.07832, equations 2 to 4;
// bytedance/ibot main_ibot.py, loader.py.
#include "methods/beit_mask.h"
#include "methods/center.h"
#include "methods/dino_head.h"
#include "methods/ibot_config.h"
#include "methods/method.h"
#include "methods/momentum.h"
#include "methods/multi_crop.h"
#include "methods/patch_views.h"
#include "ops/rows.h"
#include "ops/soft_cross_entropy.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/zeros.h>

#include <algorithm>

namespace sslrun::methods {
namespace {

class Ibot final : public Method {
 public:
  Ibot(const IbotConfig& config, const MethodDeps& deps)
      : Method(deps.make_encoder()),
        config_(config),
        keys_(keys_of(config)),
        seed_(deps.seed),
        init_(deps.seed, kFirstHeadOrdinal),
        head_(encoder().width(), keys_.head, init_),
        teacher_(deps.make_encoder(), encoder(), "head", head_, encoder().width(), keys_.head),
        mask_token_1D_(register_parameter("mask_token", at::zeros({1, encoder().width()}))),
        center_(keys_.head.output_dim, keys_.center_momentum),
        patch_center_(config.shared_head ? keys_.head.output_dim : config.patch_output_dim,
                      keys_.center_momentum) {
    register_module("head", head_);
    register_module("teacher", teacher_);
    register_module("center", center_);
    register_module("patch_center", patch_center_);
  }

  StepResult forward(std::span<const at::Tensor> views, const StepContext& context) override {
    const encoders::VisionTransformer& student = encoders::as_vit(encoder());
    const at::Tensor global_NCHW = ops::cat_rows(views.first(kGlobalViews));
    const HiddenPatches hidden = hide(grid_of(student, global_NCHW), context);
    const ViewTokens seen = view_tokens(student, global_NCHW, hidden.mask_NM, mask_token_1D_);
    const at::Tensor z_MB =
        head_.embed(with_class_tokens(seen.class_ND, student, views.subspan(kGlobalViews)));
    const at::Tensor z_TB = head_.embed(seen.patches_MD.index_select(0, hidden.places_T));
    const Taught taught = teach(global_NCHW, hidden, context);

    const auto num_views = static_cast<std::int64_t>(views.size());
    const std::int64_t epoch = context.progress.epoch(), outputs = keys_.head.output_dim;
    const at::Tensor class_loss =
        ops::self_distillation(head_.logits(z_MB).view({num_views, -1, outputs}),
                               taught.class_NK.view({kGlobalViews, -1, outputs}),
                               center_.value(),
                               keys_.student_temperature,
                               keys_.teacher_temperature.at(epoch));
    const at::Tensor patch_loss = ops::weighted_soft_cross_entropy(
        head_.patch_logits(z_TB),
        ops::centered_softmax(
            taught.patches_TK, patch_center_.value(), config_.patch_teacher_temperature.at(epoch)),
        hidden.weights_T,
        keys_.student_temperature);
    return {.loss = class_loss + patch_loss,
            .scalars = {{"class_loss", class_loss.detach()}, {"patch_loss", patch_loss.detach()}}};
  }

  void after_step(const Progress&) override {
    center_.update();
    patch_center_.update();
  }

  nn::Following following(const Progress& progress) const override {
    return teacher_.following(cosine_momentum(keys_.momentum, progress));
  }

  std::int64_t embedding_dim() const override { return keys_.head.bottleneck_dim; }

  encoders::Encoder& evaluated() const override { return teacher_.encoder(); }

  optim::ParameterRule rule(std::string_view name, std::int64_t steps_per_epoch) const override {
    if (!name.starts_with("head.last_layer")) return {};
    return {.frozen_steps = keys_.freeze_last_layer_epochs * steps_per_epoch};
  }

 private:
  static DistillationConfig keys_of(const IbotConfig& config) {
    DistillationConfig keys = config.distillation;
    if (!config.shared_head) keys.head.patch_output_dim = config.patch_output_dim;
    return keys;
  }

  struct Taught {
    at::Tensor class_NK, patches_TK;  // logits
  };

  // What the teacher makes of the whole global views; its centres take note.
  Taught teach(const at::Tensor& global_NCHW,
               const HiddenPatches& hidden,
               const StepContext& context) {
    const at::NoGradGuard no_grad;
    const DinoHead& head = teacher_.head();
    const ViewTokens seen = view_tokens(encoders::as_vit(teacher_.encoder()), global_NCHW);
    const at::Tensor z_MB = head.embed(seen.patches_MD);
    const Taught taught{head.logits(head.embed(seen.class_ND)),
                        head.patch_logits(z_MB.index_select(0, hidden.places_T))};
    center_.observe(taught.class_NK, context.world);
    // Of all patches. The last layer is linear: the mean of its outputs is its output of the mean.
    const at::Tensor mean_NB = z_MB.view({global_NCHW.size(0), -1, z_MB.size(1)}).mean(1);
    patch_center_.observe(head.patch_logits(mean_NB), context.world);
    return taught;
  }

  // A mask for each image of each global view, or none: drawn for that image and view.
  HiddenPatches hide(PatchGrid grid, const StepContext& context) const {
    const auto least = static_cast<double>(std::min(grid.rows, grid.columns) / 3);
    const auto patches = static_cast<double>(grid.patches());
    const auto epoch = static_cast<std::uint32_t>(context.progress.epoch());
    std::vector<Mask> masks;
    for (std::uint32_t view = 0; view < kGlobalViews; ++view) {
      for (const std::int64_t sample : context.samples) {
        Rng rng(seed_, Purpose::kMask, epoch, static_cast<std::uint32_t>(sample), view);
        const bool masked = rng.uniform() < config_.mask_probability;
        const double ratio = masked ? rng.uniform(config_.mask_ratio[0], config_.mask_ratio[1]) : 0;
        masks.push_back(beit_mask(grid, ratio * patches, least * least, patches, rng));
      }
    }
    return hidden_patches(masks, mask_token_1D_.device());
  }

  IbotConfig config_;
  DistillationConfig keys_;
  std::uint32_t seed_;
  nn::Init init_;
  DinoHead head_;
  MomentumBranch<DinoHead> teacher_;
  at::Tensor mask_token_1D_;
  Center center_, patch_center_;
};

}  // namespace

std::unique_ptr<Method> make_method_ibot(const config::Component& component,
                                         const MethodDeps& deps) {
  return std::make_unique<Ibot>(dynamic_cast<const IbotConfig&>(component), deps);
}

}  // namespace sslrun::methods
