// DINOv2: DINO on class tokens, iBOT on hidden patches, and KoLeo on the features.  N images of this
// process, V views, M patches of a global view, T hidden ones, D features, B = bottleneck_dim, K
// outputs.  source: Oquab et al. 2024, arXiv:2304.07193, section 4; facebookresearch/dinov2
// dinov2/train/ssl_meta_arch.py, data/collate.py, loss/*.
#include "dist/world.h"
#include "methods/beit_mask.h"
#include "methods/center.h"
#include "methods/dino_head.h"
#include "methods/dinov2_config.h"
#include "methods/method.h"
#include "methods/momentum.h"
#include "methods/multi_crop.h"
#include "methods/patch_views.h"
#include "ops/koleo.h"
#include "ops/rows.h"
#include "ops/sinkhorn.h"
#include "ops/soft_cross_entropy.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/zeros.h>

#include <cmath>
#include <numeric>
#include <optional>

namespace sslrun::methods {
namespace {

constexpr double kLeastBlock = 4;           // patches
constexpr double kLargestBlockShare = 0.5;  // of the grid

class DinoV2 final : public Method {
 public:
  DinoV2(const DinoV2Config& config, const MethodDeps& deps)
      : Method(deps.make_encoder()),
        config_(config),
        keys_(config.distillation),
        seed_(deps.seed),
        init_(deps.seed, kFirstHeadOrdinal),
        heads_(encoder().width(), keys_.head, own_patch_head(config), init_),
        teacher_(deps.make_encoder(),
                 encoder(),
                 "",
                 heads_,
                 encoder().width(),
                 keys_.head,
                 own_patch_head(config)),
        mask_token_1D_(register_parameter("mask_token", at::zeros({1, encoder().width()}))),
        center_(keys_.head.output_dim, keys_.center_momentum),
        patch_center_(own_patch_head(config).value_or(keys_.head).output_dim,
                      keys_.center_momentum) {
    register_module("", heads_);
    register_module("teacher", teacher_);
    register_module("center", center_);
    register_module("patch_center", patch_center_);
  }

  void before_step(const Progress&) override { micro_batch_ = 0; }

  StepResult forward(std::span<const at::Tensor> views, const StepContext& context) override {
    const encoders::VisionTransformer& student = encoders::as_vit(encoder());
    const at::Tensor global_NCHW = ops::cat_rows(views.first(kGlobalViews));
    const HiddenPatches hidden = hide(grid_of(student, global_NCHW), context);
    const ViewTokens seen = view_tokens(student, global_NCHW, hidden.mask_NM, mask_token_1D_);
    const at::Tensor class_MK = heads_.head().forward(
        with_class_tokens(seen.class_ND, student, views.subspan(kGlobalViews)));
    const at::Tensor patches_TK =
        heads_.patch_head().forward(seen.patches_MD.index_select(0, hidden.places_T));
    const Targets targets = teach(global_NCHW, hidden, context);

    const auto num_views = static_cast<std::int64_t>(views.size());
    const std::int64_t outputs = keys_.head.output_dim;
    const at::Tensor class_loss =
        ops::swapped_cross_entropy(class_MK.view({num_views, -1, outputs}),
                                   targets.class_NK.view({kGlobalViews, -1, outputs}),
                                   keys_.student_temperature);
    const at::Tensor patch_loss = ops::weighted_soft_cross_entropy(
        patches_TK, targets.patches_TK, hidden.weights_T, keys_.student_temperature);
    const at::Tensor koleo_loss = koleo(seen.class_ND, context.world);
    return {.loss = class_loss + patch_loss + koleo_loss * config_.koleo_weight,
            .scalars = {{"class_loss", class_loss.detach()},
                        {"patch_loss", patch_loss.detach()},
                        {"koleo_loss", koleo_loss.detach()}}};
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
    if (name.starts_with("head.last_layer.") || name.starts_with("patch_head.last_layer."))
      return {.zero_lr_steps = keys_.freeze_last_layer_epochs * steps_per_epoch};
    return {};
  }

 private:
  struct Targets {
    at::Tensor class_NK, patches_TK;  // rows that sum to 1
  };

  static std::optional<DistillationHeadConfig> own_patch_head(const DinoV2Config& config) {
    return config.separate_patch_head ? std::optional(config.patch_head) : std::nullopt;
  }

  // What the teacher makes of the whole global views.
  Targets teach(const at::Tensor& global_NCHW,
                const HiddenPatches& hidden,
                const StepContext& context) {
    const at::NoGradGuard no_grad;
    const ViewTokens seen = view_tokens(encoders::as_vit(teacher_.encoder()), global_NCHW);
    const DinoHeads& heads = teacher_.head();
    const at::Tensor class_NK = heads.head().forward(seen.class_ND);
    const at::Tensor patches_TK =
        heads.patch_head().forward(seen.patches_MD.index_select(0, hidden.places_T));
    return {targets_of(class_NK, center_, context), targets_of(patches_TK, patch_center_, context)};
  }

  at::Tensor targets_of(const at::Tensor& logits_NK,
                        Center& center,
                        const StepContext& context) const {
    const double temperature =
        keys_.teacher_temperature.at(context.progress.step, context.progress.steps_per_epoch);
    if (config_.centering == "sinkhorn")
      return ops::sinkhorn(logits_NK, temperature, config_.sinkhorn_iterations, context.world);
    center.observe(logits_NK, context.world);
    return ops::centered_softmax(logits_NK, center.value(), temperature);
  }

  // Of the images of each global view among those of all ranks, not between views of one image.
  static at::Tensor koleo(const at::Tensor& class_ND, dist::World& world) {
    at::Tensor loss;
    for (const at::Tensor& view_ND : class_ND.chunk(kGlobalViews)) {
      const at::Tensor term = ops::koleo(world.all_gather(view_ND));
      loss = loss.defined() ? loss + term : term;
    }
    return loss;
  }

  // An exact share of all ranks' global views is masked, with ratios that cover mask_ratio evenly. Who
  // gets which is drawn for the step, alike on all ranks; where the blocks lie, for image and view.
  HiddenPatches hide(PatchGrid grid, const StepContext& context) {
    const auto images = static_cast<std::int64_t>(context.samples.size());
    const std::int64_t all_images = images * context.world.size();
    const auto views = static_cast<std::int64_t>(kGlobalViews);
    const std::vector<std::int64_t> strata = shuffled(views * all_images, context.progress.step);
    const auto masked =
        static_cast<std::int64_t>(static_cast<double>(views * all_images) * config_.mask_fraction);
    const auto patches = static_cast<double>(grid.patches());
    const double width = (config_.mask_ratio[1] - config_.mask_ratio[0]) /
                         static_cast<double>(std::max<std::int64_t>(masked, 1));
    std::vector<Mask> masks;
    for (std::int64_t view = 0; view < views; ++view) {
      for (std::int64_t i = 0; i < images; ++i) {
        const std::int64_t place = view * all_images + context.world.rank() * images + i;
        const std::int64_t stratum = strata[static_cast<std::size_t>(place)];
        Rng rng(seed_,
                Purpose::kMask,
                static_cast<std::uint32_t>(context.progress.epoch()),
                static_cast<std::uint32_t>(context.samples[static_cast<std::size_t>(i)]),
                static_cast<std::uint32_t>(view));
        const double lowest = config_.mask_ratio[0] + width * static_cast<double>(stratum);
        const double ratio = stratum < masked ? rng.uniform(lowest, lowest + width) : 0;
        masks.push_back(beit_mask(
            grid, std::floor(ratio * patches), kLeastBlock, kLargestBlockShare * patches, rng));
      }
    }
    ++micro_batch_;
    return hidden_patches(masks, mask_token_1D_.device());
  }

  // 0 .. n - 1 in an order of this step and micro-batch.
  std::vector<std::int64_t> shuffled(std::int64_t n, std::int64_t step) const {
    std::vector<std::int64_t> order(static_cast<std::size_t>(n));
    std::iota(order.begin(), order.end(), 0);
    Rng rng(seed_, Purpose::kMethod, static_cast<std::uint32_t>(step), micro_batch_, 0);
    for (std::int64_t i = n - 1; i > 0; --i)
      std::swap(order[std::size_t(i)], order[std::size_t(rng.below(i + 1))]);
    return order;
  }

  DinoV2Config config_;
  DistillationConfig keys_;
  std::uint32_t seed_;
  nn::Init init_;
  DinoHeads heads_;
  MomentumBranch<DinoHeads> teacher_;
  at::Tensor mask_token_1D_;
  Center center_, patch_center_;
  std::uint32_t micro_batch_ = 0;  // of the step under way
};

}  // namespace

std::unique_ptr<Method> make_method_dinov2(const config::Component& component,
                                           const MethodDeps& deps) {
  return std::make_unique<DinoV2>(dynamic_cast<const DinoV2Config&>(component), deps);
}

}  // namespace sslrun::methods
