// DINO: a student predicts, from every view, the sharpened and centred outputs that its moving average
// makes of the two global views.  N images of this process, V views, K = output_dim.  source: Caron
// et al. 2021, arXiv:2104.14294, algorithm 1; facebookresearch/dino main_dino.py.
#include "methods/center.h"
#include "methods/diagnostics.h"
#include "methods/dino_config.h"
#include "methods/dino_head.h"
#include "methods/method.h"
#include "methods/momentum.h"
#include "methods/multi_crop.h"
#include "ops/rows.h"
#include "ops/soft_cross_entropy.h"

#include <ATen/TensorOperators.h>

namespace sslrun::methods {
namespace {

class Dino final : public Method {
 public:
  Dino(const DistillationConfig& config, const MethodDeps& deps)
      : Method(deps.make_encoder()),
        config_(config),
        init_(deps.seed, kFirstHeadOrdinal),
        head_(encoder().width(), config.head, init_),
        teacher_(deps.make_encoder(), encoder(), "head", head_, encoder().width(), config.head),
        center_(config.head.output_dim, config.center_momentum) {
    register_module("head", head_);
    register_module("teacher", teacher_);
    register_module("center", center_);
  }

  StepResult forward(std::span<const at::Tensor> views, const StepContext& context) override {
    const at::Tensor teacher_MK = teacher_.forward(ops::cat_rows(views.first(kGlobalViews)));
    const at::Tensor z_MB = head_.embed(multi_crop(encoder(), views));
    const at::Tensor student_MK = head_.logits(z_MB);
    const auto num_views = static_cast<std::int64_t>(views.size());
    const std::int64_t outputs = config_.head.output_dim;
    const double temperature = config_.teacher_temperature.at(context.progress.epoch());
    const at::Tensor loss = ops::self_distillation(student_MK.view({num_views, -1, outputs}),
                                                   teacher_MK.view({kGlobalViews, -1, outputs}),
                                                   center_.value(),
                                                   config_.student_temperature,
                                                   temperature);
    StepResult result{.loss = loss, .scalars = {}, .candidates = outputs};
    if (context.diagnose) {
      report_assignments(ops::centered_softmax(teacher_MK, center_.value(), temperature), result);
      report("teacher_temperature", temperature, result);
      report_follower(
          teacher_.distance(), cosine_momentum(config_.momentum, context.progress), result);
    }
    center_.observe(teacher_MK, context.world);
    return result;
  }

  void after_step(const Progress&) override { center_.update(); }

  void forget_step() override { center_.forget(); }

  nn::Following following(const Progress& progress) const override {
    return teacher_.following(cosine_momentum(config_.momentum, progress));
  }

  std::int64_t embedding_dim() const override { return config_.head.bottleneck_dim; }

  encoders::Encoder& evaluated() const override { return teacher_.encoder(); }

  optim::ParameterRule rule(std::string_view name, std::int64_t steps_per_epoch) const override {
    if (!name.starts_with("head.last_layer.")) return {};
    return {.frozen_steps = config_.freeze_last_layer_epochs * steps_per_epoch};
  }

 private:
  DistillationConfig config_;
  nn::Init init_;
  DinoHead head_;
  MomentumBranch<DinoHead> teacher_;
  Center center_;
};

}  // namespace

std::unique_ptr<Method> make_method_dino(const config::Component& component,
                                         const MethodDeps& deps) {
  return std::make_unique<Dino>(dynamic_cast<const DinoConfig&>(component).distillation, deps);
}

}  // namespace sslrun::methods
