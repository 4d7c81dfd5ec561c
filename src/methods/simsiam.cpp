// SimSiam: a predictor maps the embedding of one view to that of the other, which gets no gradient.
// N images, D = output_dim.  source: Chen and He 2021, arXiv:2011.10566, algorithm 1;
// facebookresearch/simsiam simsiam/builder.py.
#include "base/error.h"
#include "methods/method.h"
#include "methods/simsiam_config.h"
#include "nn/mlp.h"
#include "ops/embedding_std.h"
#include "ops/unit_rows.h"

#include <ATen/TensorOperators.h>

namespace sslrun::methods {
namespace {

class SimSiam final : public Method {
 public:
  SimSiam(const SimSiamConfig& config, const MethodDeps& deps)
      : Method(deps.make_encoder()),
        init_(deps.seed, kFirstHeadOrdinal),
        projector_({.widths = widths(config, encoder().width()), .output_norm = nn::Affine::kNone},
                   init_),
        predictor_({.widths = {config.projector.output_dim,
                               config.predictor_hidden_dim,
                               config.projector.output_dim},
                    .output_bias = true},
                   init_),
        embedding_dim_(config.projector.output_dim),
        predictor_constant_lr_(config.predictor_constant_lr) {
    register_module("projector", projector_);
    register_module("predictor", predictor_);
  }

  StepResult forward(std::span<const at::Tensor> views, const StepContext&) override {
    check_invariant(views.size() == 2, "SimSiam has two views");
    const at::Tensor z1_ND = projector_.forward(encoder().forward(views[0]));
    const at::Tensor z2_ND = projector_.forward(encoder().forward(views[1]));
    const at::Tensor loss = ops::negative_cosine(predictor_.forward(z1_ND), z2_ND.detach()) +
                            ops::negative_cosine(predictor_.forward(z2_ND), z1_ND.detach());
    return {.loss = loss / 2,
            .scalars = {{"embedding_std", ops::embedding_std(z1_ND)}},
            .embeddings = {z1_ND, z2_ND}};
  }

  std::int64_t embedding_dim() const override { return embedding_dim_; }

  optim::ParameterRule rule(std::string_view name, std::int64_t) const override {
    return {.constant_lr = predictor_constant_lr_ && name.starts_with("predictor.")};
  }

 private:
  static std::vector<std::int64_t> widths(const SimSiamConfig& config, std::int64_t features) {
    std::vector<std::int64_t> out{features};
    out.insert(out.end(),
               static_cast<std::size_t>(config.projector_layers - 1),
               config.projector.hidden_dim);
    out.push_back(config.projector.output_dim);
    return out;
  }

  nn::Init init_;
  nn::Mlp projector_, predictor_;
  std::int64_t embedding_dim_;
  bool predictor_constant_lr_;
};

}  // namespace

std::unique_ptr<Method> make_method_simsiam(const config::Component& component,
                                            const MethodDeps& deps) {
  return std::make_unique<SimSiam>(dynamic_cast<const SimSiamConfig&>(component), deps);
}

}  // namespace sslrun::methods
