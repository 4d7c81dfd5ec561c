// SwAV: two views of an image are assigned to prototypes, in equal shares over the batch, and every
// other view predicts the assignment.  N images of this process, V views, D = output_dim, K
// prototypes, L keys of a queue.  source: Caron et al. 2020, arXiv:2006.09882, section 3 and appendix
// A; facebookresearch/swav main_swav.py.
#include "dist/world.h"
#include "methods/diagnostics.h"
#include "methods/key_queue.h"
#include "methods/method.h"
#include "methods/multi_crop.h"
#include "methods/swav_config.h"
#include "nn/linear.h"
#include "nn/mlp.h"
#include "ops/autocast.h"
#include "ops/embedding_std.h"
#include "ops/rows.h"
#include "ops/sinkhorn.h"
#include "ops/soft_cross_entropy.h"
#include "ops/unit_rows.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>

namespace sslrun::methods {
namespace {

constexpr std::size_t kAssigned = kGlobalViews;

class Swav final : public Method {
 public:
  Swav(const SwavConfig& config, const MethodDeps& deps)
      : Method(deps.make_encoder()),
        config_(config),
        init_(deps.seed, kFirstHeadOrdinal),
        projector_({.widths = {encoder().width(),
                               config.projector.hidden_dim,
                               config.projector.output_dim},
                    .hidden_bias = true,
                    .output_bias = true},
                   init_),
        prototypes_(config.projector.output_dim, config.prototypes, /*bias=*/false, init_),
        queues_{KeyQueue(config.queue, config.projector.output_dim),
                KeyQueue(config.queue, config.projector.output_dim)} {
    register_module("projector", projector_);
    register_module("prototypes", prototypes_);
    if (config.queue == 0) return;
    register_module("queue.0", queues_[0]);
    register_module("queue.1", queues_[1]);
  }

  void before_step(const Progress&) override {
    const at::NoGradGuard no_grad;
    for (const auto& [name, weight_KD] : prototypes_.named_weights())
      weight_KD.copy_(ops::unit_rows(weight_KD));
  }

  StepResult forward(std::span<const at::Tensor> views, const StepContext& context) override {
    const auto num_views = static_cast<std::int64_t>(views.size());
    const at::Tensor z_MD = ops::unit_rows(projector_.forward(multi_crop(encoder(), views)));
    const ops::FullPrecision full(z_MD.device());
    const at::Tensor scores_MK = prototypes_.forward(z_MD);
    const at::Tensor z_VND = z_MD.view({num_views, -1, z_MD.size(1)});
    const at::Tensor scores_VNK = scores_MK.view({num_views, -1, scores_MK.size(1)});
    std::vector<at::Tensor> codes;
    for (std::size_t q = 0; q < kAssigned; ++q) codes.push_back(codes_of(q, scores_VNK, context));
    if (config_.queue > 0 && context.progress.epoch() >= config_.queue_from_epoch) {
      for (std::size_t q = 0; q < kAssigned; ++q) {
        const at::Tensor z_ND = z_VND[static_cast<std::int64_t>(q)].detach();
        past_[q].push_back(context.world.all_gather(z_ND));
      }
    }
    const at::Tensor codes_QNK = ops::cat_rows(codes).view({kAssigned, -1, scores_MK.size(1)});
    StepResult result{
        .loss = ops::swapped_cross_entropy(scores_VNK, codes_QNK, config_.temperature),
        .scalars = {{"embedding_std", ops::embedding_std(z_VND[0])}},
        .embeddings = {z_VND[0], z_VND[1]},
        .candidates = scores_MK.size(1)};
    if (context.diagnose) report_assignments(codes[0], result);
    return result;
  }

  void after_step(const Progress&) override {
    for (std::size_t q = 0; q < kAssigned; ++q) {
      for (const at::Tensor& rows_ND : past_[q]) queues_[q].push(rows_ND);
      past_[q].clear();
    }
  }

  void forget_step() override {
    for (auto& keys : past_) keys.clear();
  }

  std::int64_t embedding_dim() const override { return config_.projector.output_dim; }

  optim::ParameterRule rule(std::string_view name, std::int64_t steps_per_epoch) const override {
    if (name != "prototypes.weight") return {};
    return {.frozen_steps = config_.freeze_prototypes_epochs * steps_per_epoch};
  }

 private:
  // The assignments of view q, made together with what its queue holds of past batches: each rank
  // scores its share of the keys, with the prototypes of now.
  at::Tensor codes_of(std::size_t q,
                      const at::Tensor& scores_VNK,
                      const StepContext& context) const {
    const at::NoGradGuard no_grad;
    at::Tensor scores = scores_VNK[static_cast<std::int64_t>(q)];
    const std::int64_t images = scores.size(0);
    if (config_.queue > 0 && queues_[q].full()) {
      const std::int64_t share = config_.queue / context.world.size();
      const at::Tensor keys_LD = queues_[q].keys().narrow(0, context.world.rank() * share, share);
      scores = ops::cat_rows(std::vector{prototypes_.forward(keys_LD), scores});
    }
    const at::Tensor codes = ops::sinkhorn(
        scores, config_.epsilon, config_.sinkhorn_iterations, context.world, ops::kCosineLimit);
    return codes.narrow(0, codes.size(0) - images, images);
  }

  SwavConfig config_;
  nn::Init init_;
  nn::Mlp projector_;
  nn::Linear prototypes_;
  KeyQueue queues_[kAssigned];
  std::vector<at::Tensor> past_[kAssigned];  // of this step's micro-batches
};

}  // namespace

std::unique_ptr<Method> make_method_swav(const config::Component& component,
                                         const MethodDeps& deps) {
  return std::make_unique<Swav>(dynamic_cast<const SwavConfig&>(component), deps);
}

}  // namespace sslrun::methods
