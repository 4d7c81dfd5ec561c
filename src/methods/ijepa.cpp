// I-JEPA: from the features of a part of the image, a predictor tells the features of other blocks as
// a moving average of the encoder sees them in the whole image.  N images, B blocks of T patches, K
// patches of context, D features, W in the predictor.  source: Assran et al. 2023, arXiv:2301.08243;
// facebookresearch/ijepa src/train.py, src/masks/multiblock.py, src/models/vision_transformer.py.
#include "base/error.h"
#include "base/philox.h"
#include "dist/world.h"
#include "encoders/vit.h"
#include "methods/block_masks.h"
#include "methods/diagnostics.h"
#include "methods/ijepa_config.h"
#include "methods/method.h"
#include "methods/momentum.h"
#include "methods/patch_predictor.h"
#include "nn/ema.h"
#include "ops/embedding_std.h"
#include "ops/feature_prediction.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/full.h>

namespace sslrun::methods {
namespace {

/// The rows of table [N or 1, M, D] that index [N, K] names -> [N, K, D].
at::Tensor pick(const at::Tensor& table_NMD, const at::Tensor& index_NK) {
  const std::int64_t features = table_NMD.size(2);
  return table_NMD.expand({index_NK.size(0), -1, -1})
      .gather(1, index_NK.unsqueeze(2).expand({-1, -1, features}));
}

/// Of the step's images of every process, so that more processes cut as one does.
std::int64_t shortest(const BlockMasks& masks, dist::World& world, at::Device device) {
  const std::int64_t own = masks.shortest();
  if (world.size() == 1) return own;
  return world.all_gather(at::full({1}, own, at::kLong).to(device)).min().item<std::int64_t>();
}

class IJepa final : public Method {
 public:
  IJepa(const IJepaConfig& config, const MethodDeps& deps)
      : Method(deps.make_encoder()),
        vit_(encoders::as_vit(encoder())),
        target_encoder_(deps.make_encoder()),
        target_vit_(encoders::as_vit(*target_encoder_)),
        init_(deps.seed, kFirstHeadOrdinal),
        predictor_({.inputs = vit_.width(),
                    .width = config.predictor.width,
                    .depth = config.predictor.depth,
                    .heads = config.predictor.heads,
                    .outputs = vit_.width(),
                    .shrink = true},
                   init_),
        config_(config),
        seed_(deps.seed) {
    nn::start_following(*target_encoder_, encoder());
    register_module("predictor", predictor_);
    register_module("target_encoder", *target_encoder_);
  }

  StepResult forward(std::span<const at::Tensor> views, const StepContext& context) override {
    check_invariant(views.size() == 1, "I-JEPA has one view");
    const at::Tensor& x_NCHW = views[0];
    const std::int64_t rows = x_NCHW.size(2) / vit_.patch_size(),
                       columns = x_NCHW.size(3) / vit_.patch_size();
    const at::Device device = x_NCHW.device();
    BlockMasks masks = block_masks({seed_, context.progress.epoch(), context.samples},
                                   mask_shape(rows, columns, context.progress.step));
    const at::Tensor context_NK =
        masks.context_NK(shortest(masks, context.world, device)).to(device);
    for (at::Tensor& target_NT : masks.targets_NT) target_NT = target_NT.to(device);
    const at::Tensor target_NMD = see_whole(x_NCHW);
    const at::Tensor seen_NKD = vit_.tokens_of(x_NCHW, context_NK).slice(1, vit_.prefix());
    std::vector<at::Tensor> wanted;
    for (const at::Tensor& target_NT : masks.targets_NT)
      wanted.push_back(pick(target_NMD, target_NT));
    const at::Tensor positions_1MW = predictor_.positions(rows, columns, device).unsqueeze(0);
    const at::Tensor target_ND = target_NMD.mean(1);
    StepResult result{
        .loss = ops::smooth_l1(predict(seen_NKD, context_NK, masks.targets_NT, positions_1MW),
                               at::cat(wanted, 0)),
        .scalars = {{"embedding_std", ops::embedding_std(target_ND)}},
        .embeddings = {target_ND}};
    if (context.diagnose)
      report_follower(nn::ema_distance(*target_encoder_, encoder()),
                      linear_momentum(config_.momentum, context.progress),
                      result);
    return result;
  }

  nn::Following following(const Progress& progress) const override {
    nn::Following out{.tau = linear_momentum(config_.momentum, progress)};
    out.add(*target_encoder_, encoder());
    return out;
  }

  std::int64_t embedding_dim() const override { return vit_.width(); }

  encoders::Encoder& evaluated() const override { return *target_encoder_; }

 private:
  /// Block sizes of the step, the same for all its images.
  BlockMaskShape mask_shape(std::int64_t rows, std::int64_t columns, std::int64_t step) const {
    Rng rng(seed_,
            Purpose::kMethod,
            static_cast<std::uint32_t>(step >> 32),
            static_cast<std::uint32_t>(step),
            0);
    const BlockShape target =
        block_shape(rows, columns, config_.target_scale, config_.target_aspect, rng.uniform());
    const BlockShape context =
        block_shape(rows, columns, config_.context_scale, {1, 1}, rng.uniform());
    return {rows, columns, target, context, config_.targets, config_.min_keep};
  }

  /// The target encoder's patches of the whole image, normalised [N, M, D].
  at::Tensor see_whole(const at::Tensor& x_NCHW) const {
    const at::NoGradGuard no_grad;
    return ops::normalize_tokens(target_vit_.tokens(x_NCHW).slice(1, target_vit_.prefix()));
  }

  /// Block after block, the features of its patches in each image [B * N, T, D].
  at::Tensor predict(const at::Tensor& seen_NKD,
                     const at::Tensor& context_NK,
                     const std::vector<at::Tensor>& targets_NT,
                     const at::Tensor& positions_1MW) const {
    const at::Tensor context_NKW = predictor_.embed(seen_NKD) + pick(positions_1MW, context_NK);
    std::vector<at::Tensor> contexts, queries;
    for (const at::Tensor& target_NT : targets_NT) {
      contexts.push_back(context_NKW);
      queries.push_back(predictor_.mask_token() + pick(positions_1MW, target_NT));
    }
    const at::Tensor x_RSW = at::cat({at::cat(contexts, 0), at::cat(queries, 0)}, 1);
    return predictor_.forward(x_RSW).slice(1, context_NKW.size(1));
  }

  const encoders::VisionTransformer& vit_;
  std::unique_ptr<encoders::Encoder> target_encoder_;
  const encoders::VisionTransformer& target_vit_;
  nn::Init init_;
  PatchPredictor predictor_;
  IJepaConfig config_;
  std::uint32_t seed_;
};

}  // namespace

std::unique_ptr<Method> make_method_ijepa(const config::Component& component,
                                          const MethodDeps& deps) {
  return std::make_unique<IJepa>(dynamic_cast<const IJepaConfig&>(component), deps);
}

}  // namespace sslrun::methods
