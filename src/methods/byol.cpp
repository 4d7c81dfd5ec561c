// BYOL: a network predicts what its own moving average, the target, makes of the other view.  N
// images, D = output_dim.  source: Grill et al. 2020, arXiv:2006.07733, section 3.1;
// google-deepmind/deepmind-research byol/byol_experiment.py.
#include "base/error.h"
#include "methods/byol_config.h"
#include "methods/diagnostics.h"
#include "methods/method.h"
#include "methods/momentum.h"
#include "nn/mlp.h"
#include "ops/embedding_std.h"
#include "ops/unit_rows.h"

#include <ATen/TensorOperators.h>

namespace sslrun::methods {
namespace {

class Byol final : public Method {
 public:
  Byol(const ByolConfig& config, const MethodDeps& deps)
      : Method(deps.make_encoder()),
        init_(deps.seed, kFirstHeadOrdinal),
        shape_{
            .widths = {encoder().width(), config.projector.hidden_dim, config.projector.output_dim},
            .hidden_bias = true},
        projector_(shape_, init_),
        predictor_({.widths = {config.projector.output_dim,
                               config.predictor_hidden_dim,
                               config.projector.output_dim},
                    .hidden_bias = true},
                   init_),
        target_(deps.make_encoder(), encoder(), "projector", projector_, shape_),
        embedding_dim_(config.projector.output_dim),
        momentum_(config.momentum) {
    register_module("projector", projector_);
    register_module("predictor", predictor_);
    register_module("target", target_);
  }

  StepResult forward(std::span<const at::Tensor> views, const StepContext& context) override {
    check_invariant(views.size() == 2, "BYOL has two views");
    const at::Tensor z1_ND = projector_.forward(encoder().forward(views[0]));
    const at::Tensor z2_ND = projector_.forward(encoder().forward(views[1]));
    const at::Tensor cosines =
        ops::negative_cosine(predictor_.forward(z1_ND), target_.forward(views[1])) +
        ops::negative_cosine(predictor_.forward(z2_ND), target_.forward(views[0]));
    StepResult result{.loss = 4 + 2 * cosines,  // |p - t|^2 of unit vectors, both directions
                      .scalars = {{"embedding_std", ops::embedding_std(z1_ND)}},
                      .embeddings = {z1_ND, z2_ND}};
    if (context.diagnose)
      report_follower(target_.distance(), cosine_momentum(momentum_, context.progress), result);
    return result;
  }

  nn::Following following(const Progress& progress) const override {
    return target_.following(cosine_momentum(momentum_, progress));
  }

  std::int64_t embedding_dim() const override { return embedding_dim_; }

 private:
  nn::Init init_;
  nn::MlpShape shape_;
  nn::Mlp projector_, predictor_;
  MomentumBranch<nn::Mlp> target_;
  std::int64_t embedding_dim_;
  double momentum_;
};

}  // namespace

std::unique_ptr<Method> make_method_byol(const config::Component& component,
                                         const MethodDeps& deps) {
  return std::make_unique<Byol>(dynamic_cast<const ByolConfig&>(component), deps);
}

}  // namespace sslrun::methods
