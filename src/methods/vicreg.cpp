// VICReg: two views agree while each dimension keeps its variance and is uncorrelated with the others.
// N images of all ranks, D = output_dim.  source: Bardes et al. 2022, arXiv:2105.04906, algorithm 1;
// facebookresearch/vicreg main_vicreg.py.
#include "base/error.h"
#include "dist/world.h"
#include "methods/method.h"
#include "methods/vicreg_config.h"
#include "nn/mlp.h"
#include "ops/embedding_std.h"
#include "ops/redundancy.h"

#include <ATen/TensorOperators.h>

namespace sslrun::methods {
namespace {

class VicReg final : public Method {
 public:
  VicReg(const VicRegConfig& config, const MethodDeps& deps)
      : Method(deps.make_encoder()),
        config_(config),
        init_(deps.seed, kFirstHeadOrdinal),
        projector_({.widths = {encoder().width(),
                               config.projector.hidden_dim,
                               config.projector.hidden_dim,
                               config.projector.output_dim},
                    .hidden_bias = true},
                   init_) {
    register_module("projector", projector_);
  }

  StepResult forward(std::span<const at::Tensor> views, const StepContext& context) override {
    check_invariant(views.size() == 2, "VICReg has two views");
    const at::Tensor x_ND = projector_.forward(encoder().forward(views[0]));
    const at::Tensor y_ND = projector_.forward(encoder().forward(views[1]));
    const ops::VicRegTerms terms =
        ops::vicreg(context.world.all_gather(x_ND), context.world.all_gather(y_ND));
    return {.loss = terms.invariance * config_.invariance + terms.variance * config_.variance +
                    terms.covariance * config_.covariance,
            .scalars = {{"invariance", terms.invariance.detach()},
                        {"variance", terms.variance.detach()},
                        {"covariance", terms.covariance.detach()},
                        {"raw_std", x_ND.detach().std(0).mean()},
                        {"embedding_std", ops::embedding_std(x_ND)}},
            .embeddings = {x_ND, y_ND}};
  }

  std::int64_t embedding_dim() const override { return config_.projector.output_dim; }

 private:
  VicRegConfig config_;
  nn::Init init_;
  nn::Mlp projector_;
};

}  // namespace

std::unique_ptr<Method> make_method_vicreg(const config::Component& component,
                                           const MethodDeps& deps) {
  return std::make_unique<VicReg>(dynamic_cast<const VicRegConfig&>(component), deps);
}

}  // namespace sslrun::methods
