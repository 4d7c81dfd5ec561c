// Barlow Twins: the cross-correlation of two views' embeddings is to be the identity.  N images of all
// ranks, D = output_dim.  source: Zbontar et al. 2021, arXiv:2103.03230, algorithm 1;
// facebookresearch/barlowtwins main.py.
#include "base/error.h"
#include "dist/world.h"
#include "methods/barlow_twins_config.h"
#include "methods/method.h"
#include "nn/batch_norm.h"
#include "nn/mlp.h"
#include "ops/autocast.h"
#include "ops/embedding_std.h"
#include "ops/redundancy.h"

#include <ATen/TensorOperators.h>

namespace sslrun::methods {
namespace {

class BarlowTwins final : public Method {
 public:
  BarlowTwins(const BarlowTwinsConfig& config, const MethodDeps& deps)
      : Method(deps.make_encoder()),
        init_(deps.seed, kFirstHeadOrdinal),
        projector_({.widths = {encoder().width(),
                               config.projector.hidden_dim,
                               config.projector.hidden_dim,
                               config.projector.output_dim}},
                   init_),
        norm_(config.projector.output_dim, nn::Affine::kNone),
        embedding_dim_(config.projector.output_dim),
        lambda_(config.lambda),
        scale_(config.scale) {
    register_module("projector", projector_);
    register_module("norm", norm_);
  }

  StepResult forward(std::span<const at::Tensor> views, const StepContext& context) override {
    check_invariant(views.size() == 2, "Barlow Twins has two views");
    const at::Tensor z1_ND = embed(views[0]), z2_ND = embed(views[1]);
    const at::Tensor loss = ops::barlow_twins(
        context.world.all_gather(z1_ND), context.world.all_gather(z2_ND), lambda_);
    StepResult result{.loss = loss * scale_,
                      .scalars = {{"embedding_std", ops::embedding_std(z1_ND)}},
                      .embeddings = {z1_ND, z2_ND}};
    if (context.diagnose) {
      result.scalars.emplace_back("off_diagonal",
                                  ops::mean_off_diagonal(z1_ND.detach(), z2_ND.detach()));
    }
    return result;
  }

  std::int64_t embedding_dim() const override { return embedding_dim_; }

 private:
  at::Tensor embed(const at::Tensor& x_NCHW) const {
    const at::Tensor z_ND = ops::at_full_precision(projector_.forward(encoder().forward(x_NCHW)));
    return norm_.forward(z_ND);
  }

  nn::Init init_;
  nn::Mlp projector_;
  nn::BatchNorm norm_;
  std::int64_t embedding_dim_;
  double lambda_, scale_;
};

}  // namespace

std::unique_ptr<Method> make_method_barlow_twins(const config::Component& component,
                                                 const MethodDeps& deps) {
  return std::make_unique<BarlowTwins>(dynamic_cast<const BarlowTwinsConfig&>(component), deps);
}

}  // namespace sslrun::methods
