// SimCLR: two views of an image attract, all other views of the batch repel.  N = images of this
// process, D = output_dim. source: Chen et al. 2020, arXiv:2002.05709, algorithm 1;
// google-research/simclr objective.py, model_util.py. DCL and DCLW: Yeh et al. 2021, arXiv:2110.06848.
#include "base/error.h"
#include "dist/world.h"
#include "methods/contrastive_method.h"
#include "methods/diagnostics.h"
#include "methods/simclr_config.h"
#include "nn/mlp.h"
#include "ops/decoupled_contrast.h"
#include "ops/embedding_std.h"
#include "ops/info_nce.h"
#include "ops/nt_xent.h"
#include "ops/rows.h"

#include <ATen/TensorOperators.h>

namespace sslrun::methods {
namespace {

class SimClr final : public ContrastiveMethod {
 public:
  SimClr(const SimClrConfig& config, const MethodDeps& deps)
      : ContrastiveMethod(deps.make_encoder()),
        init_(deps.seed, kFirstHeadOrdinal),
        projector_({.widths = {encoder().width(),
                               config.projector.hidden_dim,
                               config.projector.output_dim},
                    .output_norm = nn::Affine::kScale},
                   init_),
        config_(config) {
    register_module("projector", projector_);
  }

  std::vector<at::Tensor> embed(std::span<const at::Tensor> views) override {
    check_invariant(views.size() == 2, "SimCLR has two views");
    // One pass over both views: batch norm sees them together, as the official code does.
    const at::Tensor x_NCHW = ops::cat_rows(views);
    return projector_.forward(encoder().forward(x_NCHW)).chunk(2);
  }

  StepResult compare(std::span<const at::Tensor> embeddings,
                     std::span<const at::Tensor>,
                     const StepContext& context) override {
    const at::Tensor &z1_ND = embeddings[0], &z2_ND = embeddings[1];
    const at::Tensor gathered[] = {context.world.all_gather(z1_ND),
                                   context.world.all_gather(z2_ND)};
    const at::Tensor all_MD = ops::cat_rows(gathered);
    StepResult result{.loss = contrast(z1_ND, z2_ND, all_MD, context.world),
                      .scalars = {{"embedding_std", ops::embedding_std(ops::cat_rows(embeddings))}},
                      .embeddings = {z1_ND, z2_ND},
                      .candidates = all_MD.size(0) - (config_.loss == "nt_xent" ? 1 : 2)};
    if (context.diagnose) report_contrast(z1_ND, z2_ND, result);
    return result;
  }

  std::int64_t embedding_dim() const override { return config_.projector.output_dim; }

 private:
  // Each rank compares its own rows alone with those of all.
  at::Tensor contrast(const at::Tensor& z1_ND,
                      const at::Tensor& z2_ND,
                      const at::Tensor& all_MD,
                      const dist::World& world) const {
    const double t = config_.temperature;
    const ops::ImageRange own{world.rank() * z1_ND.size(0), z1_ND.size(0)};
    if (config_.loss == "dcl") return ops::dcl(all_MD, t, own);
    if (config_.loss == "dclw") return ops::dclw(all_MD, t, config_.sigma, own);
    if (world.size() == 1) return ops::nt_xent(all_MD, t);
    const std::int64_t first = own.first, second = first + all_MD.size(0) / 2;
    return (ops::info_nce_batch(z1_ND, all_MD, second, t, first) +
            ops::info_nce_batch(z2_ND, all_MD, first, t, second)) /
           2;
  }

  nn::Init init_;
  nn::Mlp projector_;
  SimClrConfig config_;
};

}  // namespace

std::unique_ptr<Method> make_method_simclr(const config::Component& component,
                                           const MethodDeps& deps) {
  return std::make_unique<SimClr>(dynamic_cast<const SimClrConfig&>(component), deps);
}

}  // namespace sslrun::methods
