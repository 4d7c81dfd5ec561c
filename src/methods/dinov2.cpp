// DINOv2: DINO on class tokens, iBOT on hidden patches, and KoLeo on the features.  N images of this
// process, V views, M patches of a global view, T hidden ones, D features, B = bottleneck_dim, K
// outputs.  source: Oquab et al. 2024, arXiv:2304.07193, section 4; facebookresearch/dinov2
// dinov2/train/ssl_meta_arch.py, data/collate.py, loss/*.
#include "dist/world.h"
#include "methods/dinov2_config.h"
#include "methods/multi_crop.h"
#include "methods/patch_distillation.h"
#include "ops/koleo.h"
#include "ops/sinkhorn.h"

#include <ATen/TensorOperators.h>

#include <cmath>
#include <numeric>
#include <optional>

namespace sslrun::methods {
namespace {

constexpr double kLeastBlock = 4;           // patches
constexpr double kLargestBlockShare = 0.5;  // of the grid

class DinoV2 final : public PatchDistillation {
 public:
  DinoV2(const DinoV2Config& config, const MethodDeps& deps)
      : PatchDistillation(
            deps,
            config.distillation,
            config.separate_patch_head ? std::optional(config.patch_head) : std::nullopt),
        config_(config) {}

  void before_step(const Progress&) override { micro_batch_ = 0; }

  optim::ParameterRule rule(std::string_view name, std::int64_t steps_per_epoch) const override {
    if (name.starts_with("head.last_layer.") || name.starts_with("patch_head.last_layer."))
      return {.zero_lr_steps = keys_.freeze_last_layer_epochs * steps_per_epoch};
    return {};
  }

 private:
  Targets teach(const DinoHeads& heads,
                const Tokens& whole,
                const HiddenPatches& hidden,
                const StepContext& context) override {
    const at::Tensor class_NK = heads.head().forward(whole.class_ND);
    const at::Tensor patches_TK =
        heads.patch_head().forward(whole.patches_MD.index_select(0, hidden.places_T));
    return {target(class_NK, center_, context), target(patches_TK, patch_center_, context)};
  }

  Target target(const at::Tensor& logits_NK, Center& mean, const StepContext& context) const {
    const double temperature =
        keys_.teacher_temperature.at(context.progress.step, context.progress.steps_per_epoch);
    if (config_.centering == "sinkhorn") {
      const at::Tensor center_K =
          ops::sinkhorn_center(logits_NK, temperature, config_.sinkhorn_iterations, context.world);
      return {logits_NK, center_K, temperature};
    }
    mean.observe(logits_NK, context.world);
    return {logits_NK, mean.value(), temperature};
  }

  // Of the images of each global view among those of all ranks, not between views of one image.
  void add_losses(const at::Tensor& class_ND,
                  const StepContext& context,
                  StepResult& result) const override {
    at::Tensor koleo_loss;
    for (const at::Tensor& view_ND : class_ND.chunk(kGlobalViews)) {
      const at::Tensor term = ops::koleo(context.world.all_gather(view_ND));
      koleo_loss = koleo_loss.defined() ? koleo_loss + term : term;
    }
    result.loss = result.loss + koleo_loss * config_.koleo_weight;
    result.scalars.emplace_back("koleo_loss", koleo_loss.detach());
  }

  // An exact share of all ranks' global views is masked, with ratios that cover mask_ratio evenly. Who
  // gets which is drawn for the step, alike on all ranks; where the blocks lie, for image and view.
  std::vector<Mask> masks(PatchGrid grid, const StepContext& context) override {
    const auto images = static_cast<std::int64_t>(context.samples.size());
    const std::int64_t all_images = images * context.world.size();
    const auto views = static_cast<std::int64_t>(kGlobalViews);
    const std::vector<std::int64_t> strata = shuffled(views * all_images, context.progress.step);
    const auto masked =
        static_cast<std::int64_t>(static_cast<double>(views * all_images) * config_.mask_fraction);
    const auto patches = static_cast<double>(grid.patches());
    const double width = (config_.mask_ratio[1] - config_.mask_ratio[0]) /
                         static_cast<double>(std::max<std::int64_t>(masked, 1));
    std::vector<Mask> out;
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
        out.push_back(beit_mask(
            grid, std::floor(ratio * patches), kLeastBlock, kLargestBlockShare * patches, rng));
      }
    }
    ++micro_batch_;
    return out;
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
  std::uint32_t micro_batch_ = 0;  // of the step under way
};

}  // namespace

std::unique_ptr<Method> make_method_dinov2(const config::Component& component,
                                           const MethodDeps& deps) {
  return std::make_unique<DinoV2>(dynamic_cast<const DinoV2Config&>(component), deps);
}

}  // namespace sslrun::methods
