// Supervised contrastive learning: views of images of one class attract, those of other classes repel.
// N images of this process, D = output_dim.  source: Khosla et al. 2020, arXiv:2004.11362, equation 2;
// HobbitLong/SupContrast networks/resnet_big.py, losses.py.
#include "base/error.h"
#include "dist/world.h"
#include "methods/contrastive_method.h"
#include "methods/diagnostics.h"
#include "methods/supcon_config.h"
#include "nn/mlp.h"
#include "ops/embedding_std.h"
#include "ops/rows.h"
#include "ops/supervised_contrast.h"

namespace sslrun::methods {
namespace {

class SupCon final : public ContrastiveMethod {
 public:
  SupCon(const SupConConfig& config, const MethodDeps& deps)
      : ContrastiveMethod(deps.make_encoder()),
        config_(config),
        init_(deps.seed, kFirstHeadOrdinal),
        projector_({.widths = {encoder().width(),
                               config.projector.hidden_dim,
                               config.projector.output_dim},
                    .hidden_norm = false,
                    .hidden_bias = true,
                    .output_bias = true},
                   init_) {
    register_module("projector", projector_);
  }

  std::vector<at::Tensor> embed(std::span<const at::Tensor> views) override {
    check_invariant(views.size() == 2, "supervised contrastive learning has two views");
    return projector_.forward(encoder().forward(ops::cat_rows(views))).chunk(2);
  }

  StepResult compare(std::span<const at::Tensor> embeddings,
                     std::span<const at::Tensor>,
                     const StepContext& context) override {
    check_invariant(context.labels.defined(), "each image has its class");
    const at::Tensor &z1_ND = embeddings[0], &z2_ND = embeddings[1];
    const at::Tensor z_ND = ops::cat_rows(embeddings);
    // Rank by rank: the views of a rank follow each other, and so do its labels twice.
    const at::Tensor loss =
        ops::supervised_contrast(context.world.all_gather(z_ND),
                                 context.world.all_gather(context.labels.repeat({2})),
                                 config_.temperature);
    StepResult result{.loss = loss,
                      .scalars = {{"embedding_std", ops::embedding_std(z_ND)}},
                      .embeddings = {z1_ND, z2_ND},
                      .candidates = z_ND.size(0) * context.world.size() - 1};
    if (context.diagnose) report_contrast(z1_ND, z2_ND, result);
    return result;
  }

  std::int64_t embedding_dim() const override { return config_.projector.output_dim; }

 private:
  SupConConfig config_;
  nn::Init init_;
  nn::Mlp projector_;
};

}  // namespace

std::unique_ptr<Method> make_method_supcon(const config::Component& component,
                                           const MethodDeps& deps) {
  return std::make_unique<SupCon>(dynamic_cast<const SupConConfig&>(component), deps);
}

}  // namespace sslrun::methods
