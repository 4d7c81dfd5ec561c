// MoCo v3: queries, through a predictor, find the keys of a momentum network among those of the batch.
// N images, D = output_dim.  source: Chen, Xie, He 2021, arXiv:2104.02057, algorithm 1;
// facebookresearch/moco-v3 moco/builder.py.
#include "base/error.h"
#include "dist/world.h"
#include "methods/contrastive_method.h"
#include "methods/diagnostics.h"
#include "methods/mocov3_config.h"
#include "methods/momentum.h"
#include "nn/mlp.h"
#include "ops/embedding_std.h"
#include "ops/info_nce.h"

#include <ATen/TensorOperators.h>

namespace sslrun::methods {
namespace {

class MoCoV3 final : public ContrastiveMethod {
 public:
  MoCoV3(const MoCoV3Config& config, const MethodDeps& deps)
      : ContrastiveMethod(deps.make_encoder()),
        init_(deps.seed, kFirstHeadOrdinal),
        shape_{.widths = widths(config, encoder().width()), .output_norm = nn::Affine::kNone},
        projector_(shape_, init_),
        predictor_({.widths = {config.projector.output_dim,
                               config.predictor_hidden_dim,
                               config.projector.output_dim},
                    .output_norm =
                        config.predictor_norm ? std::optional(nn::Affine::kNone) : std::nullopt},
                   init_),
        momentum_branch_(deps.make_encoder(), encoder(), "projector", projector_, shape_),
        embedding_dim_(config.projector.output_dim),
        temperature_(config.temperature),
        momentum_(config.momentum) {
    register_module("projector", projector_);
    register_module("predictor", predictor_);
    register_module("momentum", momentum_branch_);
  }

  void before_step(const Progress& progress) override {
    nn::follow(momentum_branch_.following(cosine_momentum(momentum_, progress)));
  }

  /// The queries, and the projections that the diagnostics look at.
  std::vector<at::Tensor> embed(std::span<const at::Tensor> views) override {
    check_invariant(views.size() == 2, "MoCo v3 has two views");
    const at::Tensor z1_ND = projector_.forward(encoder().forward(views[0]));
    const at::Tensor z2_ND = projector_.forward(encoder().forward(views[1]));
    return {predictor_.forward(z1_ND), predictor_.forward(z2_ND), z1_ND, z2_ND};
  }

  std::vector<at::Tensor> keys(std::span<const at::Tensor> views) override {
    return {momentum_branch_.forward(views[0]), momentum_branch_.forward(views[1])};
  }

  StepResult compare(std::span<const at::Tensor> embeddings,
                     std::span<const at::Tensor> keys,
                     const StepContext& context) override {
    const at::Tensor &z1_ND = embeddings[2], &z2_ND = embeddings[3];
    const at::Tensor &k1_ND = keys[0], &k2_ND = keys[1];
    const at::Tensor loss = contrast(embeddings[0], k2_ND, context.world) +
                            contrast(embeddings[1], k1_ND, context.world);
    StepResult result{.loss = loss * (2 * temperature_),
                      .scalars = {{"embedding_std", ops::embedding_std(z1_ND)}},
                      .embeddings = {z1_ND, z2_ND},
                      .candidates = k1_ND.size(0) * context.world.size(),
                      .guessing_scale = 2 * 2 * temperature_};
    if (context.diagnose) {
      report_contrast(z1_ND, k2_ND, result);
      report_follower(
          momentum_branch_.distance(), cosine_momentum(momentum_, context.progress), result);
    }
    return result;
  }

  std::int64_t embedding_dim() const override { return embedding_dim_; }

 private:
  static std::vector<std::int64_t> widths(const MoCoV3Config& config, std::int64_t features) {
    std::vector<std::int64_t> out(static_cast<std::size_t>(config.projector_layers),
                                  config.projector.hidden_dim);
    out.front() = features;
    out.push_back(config.projector.output_dim);
    return out;
  }

  at::Tensor contrast(const at::Tensor& q_ND, const at::Tensor& k_ND, dist::World& world) const {
    return ops::info_nce_batch(
        q_ND, world.all_gather(k_ND), world.rank() * k_ND.size(0), temperature_);
  }

  nn::Init init_;
  nn::MlpShape shape_;
  nn::Mlp projector_, predictor_;
  MomentumBranch<nn::Mlp> momentum_branch_;
  std::int64_t embedding_dim_;
  double temperature_, momentum_;
};

}  // namespace

std::unique_ptr<Method> make_method_mocov3(const config::Component& component,
                                           const MethodDeps& deps) {
  return std::make_unique<MoCoV3>(dynamic_cast<const MoCoV3Config&>(component), deps);
}

}  // namespace sslrun::methods
