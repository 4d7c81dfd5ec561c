// NNCLR: the nearest neighbour of one view among past embeddings stands for it, and has to find the
// other view in the batch.  N images, D = output_dim.  source: Dwibedi et al. 2021, arXiv:2104.14548,
// equations 3 and 4; vturrisi/solo-learn solo/methods/nnclr.py.
#include "base/error.h"
#include "dist/world.h"
#include "methods/contrastive_method.h"
#include "methods/diagnostics.h"
#include "methods/key_queue.h"
#include "methods/nnclr_config.h"
#include "nn/mlp.h"
#include "ops/autocast.h"
#include "ops/embedding_std.h"
#include "ops/info_nce.h"
#include "ops/unit_rows.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>

namespace sslrun::methods {
namespace {

class Nnclr final : public ContrastiveMethod {
 public:
  Nnclr(const NnclrConfig& config, const MethodDeps& deps)
      : ContrastiveMethod(deps.make_encoder()),
        init_(deps.seed, kFirstHeadOrdinal),
        projector_({.widths = {encoder().width(),
                               config.projector.hidden_dim,
                               config.projector.hidden_dim,
                               config.projector.output_dim},
                    .output_norm = nn::Affine::kScaleAndShift,
                    .hidden_bias = true,
                    .output_bias = true},
                   init_),
        predictor_({.widths = {config.projector.output_dim,
                               config.predictor_hidden_dim,
                               config.projector.output_dim},
                    .hidden_bias = true,
                    .output_bias = true},
                   init_),
        queue_(config.queue, config.projector.output_dim, init_),
        embedding_dim_(config.projector.output_dim),
        temperature_(config.temperature) {
    register_module("projector", projector_);
    register_module("predictor", predictor_);
    register_module("queue", queue_);
  }

  /// The projections, whose neighbours are sought, and the predictions that these have to find.
  std::vector<at::Tensor> embed(std::span<const at::Tensor> views) override {
    check_invariant(views.size() == 2, "NNCLR has two views");
    const at::Tensor z1_ND = projector_.forward(encoder().forward(views[0]));
    const at::Tensor z2_ND = projector_.forward(encoder().forward(views[1]));
    return {z1_ND, z2_ND, predictor_.forward(z1_ND), predictor_.forward(z2_ND)};
  }

  StepResult compare(std::span<const at::Tensor> embeddings,
                     std::span<const at::Tensor>,
                     const StepContext& context) override {
    const at::Tensor &z1_ND = embeddings[0], &z2_ND = embeddings[1];
    const at::Tensor loss = contrast(nearest(z1_ND), embeddings[3], context.world) +
                            contrast(nearest(z2_ND), embeddings[2], context.world);
    past_.push_back(context.world.all_gather(ops::unit_rows(z1_ND.detach())));
    StepResult result{.loss = loss / 2,
                      .scalars = {{"embedding_std", ops::embedding_std(z1_ND)}},
                      .embeddings = {z1_ND, z2_ND},
                      .candidates = past_.back().size(0)};
    if (context.diagnose) report_contrast(z1_ND, z2_ND, result);
    return result;
  }

  void after_step(const Progress&) override {
    for (const at::Tensor& rows_ND : past_) queue_.push(rows_ND);
    past_.clear();
  }

  void forget_step() override { past_.clear(); }

  std::int64_t embedding_dim() const override { return embedding_dim_; }

 private:
  at::Tensor nearest(const at::Tensor& z_ND) const {
    const at::NoGradGuard no_grad;
    const ops::FullPrecision full(z_ND.device());
    const at::Tensor cosines_NK = ops::unit_rows(z_ND).matmul(queue_.keys().t());
    return queue_.keys().index_select(0, cosines_NK.argmax(1));
  }

  at::Tensor contrast(const at::Tensor& neighbour_ND,
                      const at::Tensor& p_ND,
                      dist::World& world) const {
    return ops::info_nce_batch(
        neighbour_ND, world.all_gather(p_ND), world.rank() * p_ND.size(0), temperature_);
  }

  nn::Init init_;
  nn::Mlp projector_, predictor_;
  KeyQueue queue_;
  std::vector<at::Tensor> past_;  // of this step's micro-batches
  std::int64_t embedding_dim_;
  double temperature_;
};

}  // namespace

std::unique_ptr<Method> make_method_nnclr(const config::Component& component,
                                          const MethodDeps& deps) {
  return std::make_unique<Nnclr>(dynamic_cast<const NnclrConfig&>(component), deps);
}

}  // namespace sslrun::methods
