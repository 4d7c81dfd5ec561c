// LeJEPA: the views of an image meet at the mean of its global views, and SIGReg keeps the embeddings an
// isotropic Gaussian; one network, no teacher, no constant branch.  V views of N images of this
// process, D = output_dim.  source: Balestriero and LeCun 2025, arXiv:2511.08544; rbalestr-lab/lejepa
// MINIMAL.md.
#include "base/error.h"
#include "dist/world.h"
#include "methods/lejepa_config.h"
#include "methods/method.h"
#include "methods/multi_crop.h"
#include "nn/linear.h"
#include "nn/mlp.h"
#include "ops/autocast.h"
#include "ops/embedding_std.h"
#include "ops/sigreg.h"

#include <ATen/TensorOperators.h>

namespace sslrun::methods {
namespace {

class LeJepa final : public Method {
 public:
  LeJepa(const LeJepaConfig& config, const MethodDeps& deps)
      : Method(deps.make_encoder()),
        config_(config),
        seed_(deps.seed),
        init_(deps.seed, kFirstHeadOrdinal),
        linear_(linear(config, encoder().width(), init_)),
        projector_({.widths = {linear_ ? config.linear_dim : encoder().width(),
                               config.projector.hidden_dim,
                               config.projector.hidden_dim,
                               config.projector.output_dim},
                    .hidden_bias = true,
                    .output_bias = true},
                   init_) {
    if (linear_) register_module("linear", *linear_);
    register_module("projector", projector_);
  }

  StepResult forward(std::span<const at::Tensor> views, const StepContext& context) override {
    const auto count = static_cast<std::int64_t>(views.size());
    check_invariant(count >= config_.global_views, "LeJEPA has its global views");
    const at::Tensor seen_NF = multi_crop(encoder(), views);
    const at::Tensor z_ND = projector_.forward(linear_ ? linear_->forward(seen_NF) : seen_NF);
    const at::Tensor z_VND =
        ops::at_full_precision(z_ND).view({count, views[0].size(0), z_ND.size(1)});
    const at::Tensor centre_ND = z_VND.narrow(0, 0, config_.global_views).mean(0);
    const at::Tensor invariance = (z_VND - centre_ND).square().mean();
    const at::Tensor slices_DM = ops::sigreg_slices(
        config_.projector.output_dim, config_.slices, seed_, context.progress.step);
    const at::Tensor sigreg = ops::sigreg(z_VND, slices_DM, context.world);
    return {.loss = invariance * (1 - config_.lambda) + sigreg * config_.lambda,
            .scalars = {{"invariance", invariance.detach()},
                        {"sigreg", sigreg.detach()},
                        {"raw_std", z_VND[0].detach().std(0).mean()},
                        {"embedding_std", ops::embedding_std(z_VND[0])}},
            .embeddings = {z_VND[0], z_VND[1]}};
  }

  std::int64_t embedding_dim() const override { return config_.projector.output_dim; }

 private:
  // As a timm vision transformer of that many classes starts: N(0, 0.02^2), bias 0.
  static std::unique_ptr<nn::Linear> linear(const LeJepaConfig& config,
                                            std::int64_t features,
                                            nn::Init& init) {
    if (config.linear_dim == 0) return nullptr;
    return std::make_unique<nn::Linear>(init.normal({config.linear_dim, features}, 0.02),
                                        nn::Init::constant({config.linear_dim}, 0));
  }

  LeJepaConfig config_;
  std::uint32_t seed_;
  nn::Init init_;
  std::unique_ptr<nn::Linear> linear_;  // null: none
  nn::Mlp projector_;
};

}  // namespace

std::unique_ptr<Method> make_method_lejepa(const config::Component& component,
                                           const MethodDeps& deps) {
  return std::make_unique<LeJepa>(dynamic_cast<const LeJepaConfig&>(component), deps);
}

}  // namespace sslrun::methods
