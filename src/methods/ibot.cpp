// iBOT: DINO on class tokens, and on patches that are hidden from the student but not from the teacher.
// N images of this process, V views, M patches of a global view, T hidden ones, D features, B =
// bottleneck_dim, K outputs.  source: Zhou et al. 2022, arXiv:2111.07832, equations 2 to 4;
// bytedance/ibot main_ibot.py, loader.py.
#include "methods/ibot_config.h"
#include "methods/multi_crop.h"
#include "methods/patch_distillation.h"

#include <ATen/TensorOperators.h>

#include <algorithm>

namespace sslrun::methods {
namespace {

class Ibot final : public PatchDistillation {
 public:
  Ibot(const IbotConfig& config, const MethodDeps& deps)
      : PatchDistillation(deps, keys_of(config), std::nullopt), config_(config) {}

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

  Targets teach(const DinoHeads& heads,
                const Tokens& whole,
                const HiddenPatches& hidden,
                const StepContext& context) override {
    const DinoHead& head = heads.head();
    const std::int64_t epoch = context.progress.epoch();
    const at::Tensor z_MB = head.embed(whole.patches_MD);
    const Targets targets{
        {head.forward(whole.class_ND), center_.value(), keys_.teacher_temperature.at(epoch)},
        {head.patch_logits(z_MB.index_select(0, hidden.places_T)),
         patch_center_.value(),
         config_.patch_teacher_temperature.at(epoch)}};
    center_.observe(targets.class_tokens.logits, context.world);
    // Of all patches. The last layer is linear: the mean of its outputs is its output of the mean.
    const at::Tensor mean_NB = z_MB.view({whole.class_ND.size(0), -1, z_MB.size(1)}).mean(1);
    patch_center_.observe(head.patch_logits(mean_NB), context.world);
    return targets;
  }

  // A mask for each image of each global view, or none: drawn for that image and view.
  std::vector<Mask> masks(PatchGrid grid, const StepContext& context) override {
    const auto least = static_cast<double>(std::min(grid.rows, grid.columns) / 3);
    const auto patches = static_cast<double>(grid.patches());
    const auto epoch = static_cast<std::uint32_t>(context.progress.epoch());
    std::vector<Mask> out;
    for (std::uint32_t view = 0; view < kGlobalViews; ++view) {
      for (const std::int64_t sample : context.samples) {
        Rng rng(seed_, Purpose::kMask, epoch, static_cast<std::uint32_t>(sample), view);
        const bool masked = rng.uniform() < config_.mask_probability;
        const double ratio = masked ? rng.uniform(config_.mask_ratio[0], config_.mask_ratio[1]) : 0;
        out.push_back(beit_mask(grid, ratio * patches, least * least, patches, rng));
      }
    }
    return out;
  }

  IbotConfig config_;
};

}  // namespace

std::unique_ptr<Method> make_method_ibot(const config::Component& component,
                                         const MethodDeps& deps) {
  return std::make_unique<Ibot>(dynamic_cast<const IbotConfig&>(component), deps);
}

}  // namespace sslrun::methods
