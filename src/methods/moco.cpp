// MoCo v1 and v2: a query finds its key, made by a momentum network, among the keys of past batches.
// N images of this process, D = output_dim.  source: He et al. 2020, arXiv:1911.05722, algorithm 1;
// Chen et al. 2020, arXiv:2003.04297; facebookresearch/moco moco/builder.py, and its colab-notebook
// branch for the symmetric loss and split batch norm on one device.
#include "base/error.h"
#include "base/permutation.h"
#include "dist/world.h"
#include "methods/diagnostics.h"
#include "methods/key_queue.h"
#include "methods/method.h"
#include "methods/moco_config.h"
#include "methods/momentum.h"
#include "nn/batch_norm.h"
#include "nn/mlp.h"
#include "ops/embedding_std.h"
#include "ops/info_nce.h"
#include "ops/rows.h"
#include "ops/unit_rows.h"
#include "optim/schedule.h"

#include <ATen/TensorOperators.h>

namespace sslrun::methods {
namespace {

class MoCo final : public Method {
 public:
  MoCo(const MoCoConfig& config, const MethodDeps& deps)
      : Method(deps.make_encoder()),
        config_(config),
        seed_(deps.seed),
        init_(deps.seed, kFirstHeadOrdinal),
        shape_{.widths = widths(config, encoder().width()),
               .hidden_norm = false,
               .hidden_bias = true,
               .output_bias = true},
        projector_(shape_, init_),
        momentum_(deps.make_encoder(), encoder(), "projector", projector_, shape_),
        queue_(config.queue, config.output_dim, init_) {
    register_module("projector", projector_);
    register_module("momentum", momentum_);
    register_module("queue", queue_);
    for_each([&](nn::Module& part) {
      if (auto* norm = dynamic_cast<nn::BatchNorm*>(&part)) norm->split(config.split_bn);
    });
  }

  void before_step(const Progress& progress) override {
    step_ = progress.step;
    nn::follow(momentum_.following(momentum_at(progress)));
  }

  StepResult forward(std::span<const at::Tensor> views, const StepContext& context) override {
    check_invariant(views.size() == 2, "MoCo has two views");
    const at::Tensor q1_ND = projector_.forward(encoder().forward(views[0]));
    const at::Tensor k2_ND = keys_of(views[1], context.world);
    at::Tensor loss = contrast(q1_ND, k2_ND);
    std::vector<at::Tensor> keys{context.world.all_gather(k2_ND)};
    if (config_.symmetric) {
      const at::Tensor k1_ND = keys_of(views[0], context.world);
      loss = loss + contrast(projector_.forward(encoder().forward(views[1])), k1_ND);
      keys.insert(keys.begin(), context.world.all_gather(k1_ND));
    }
    new_keys_.push_back(ops::cat_rows(keys));
    StepResult result{.loss = loss,
                      .scalars = {{"embedding_std", ops::embedding_std(q1_ND)}},
                      .embeddings = {q1_ND, k2_ND},
                      .candidates = config_.queue + 1,
                      .guessing_scale = config_.symmetric ? 2.0 : 1.0};
    if (context.diagnose) {
      const at::Tensor known[] = {k2_ND, queue_.keys()};
      report_contrast(q1_ND, ops::cat_rows(known), result);
      report_follower(momentum_.distance(), momentum_at(context.progress), result);
    }
    return result;
  }

  void after_step(const Progress&) override {
    for (const at::Tensor& keys_ND : new_keys_) queue_.push(keys_ND);
    new_keys_.clear();
  }

  void forget_step() override { new_keys_.clear(); }

  std::int64_t embedding_dim() const override { return config_.output_dim; }

 private:
  double momentum_at(const Progress& progress) const {
    const double share =
        static_cast<double>(progress.step) / static_cast<double>(progress.total_steps);
    return optim::cosine(config_.momentum, config_.momentum_end.value_or(config_.momentum), share);
  }

  static std::vector<std::int64_t> widths(const MoCoConfig& config, std::int64_t features) {
    if (!config.mlp) return {features, config.output_dim};
    return {features, config.hidden_dim.value_or(features), config.output_dim};
  }

  // Unit rows. Where batch norm is split, the images of all ranks are shuffled among its groups, so
  // that a key shares its statistics with other images than its query does.
  at::Tensor keys_of(const at::Tensor& x_NCHW, dist::World& world) const {
    if (config_.split_bn == 1) return ops::unit_rows(momentum_.forward(x_NCHW));
    const std::int64_t n = x_NCHW.size(0), first = world.rank() * n, all = world.size() * n;
    const Permutation shuffled(seed_, static_cast<std::uint32_t>(step_), all);
    std::vector<std::int64_t> order(static_cast<std::size_t>(all));
    for (std::int64_t i = 0; i < all; ++i) order[static_cast<std::size_t>(i)] = shuffled(i);
    const at::Tensor order_M = ops::indices(order, x_NCHW.device());
    const at::Tensor mixed_NCHW =
        world.all_gather(x_NCHW).index_select(0, order_M.narrow(0, first, n));
    const at::Tensor k_MD = world.all_gather(momentum_.forward(mixed_NCHW));
    return ops::unit_rows(k_MD.index_select(0, order_M.argsort().narrow(0, first, n)));
  }

  at::Tensor contrast(const at::Tensor& q_ND, const at::Tensor& k_ND) const {
    return ops::info_nce_queue(q_ND, k_ND, queue_.keys(), config_.temperature);
  }

  MoCoConfig config_;
  std::uint32_t seed_;
  std::int64_t step_ = 0;
  nn::Init init_;
  nn::MlpShape shape_;
  nn::Mlp projector_;
  MomentumBranch<nn::Mlp> momentum_;
  KeyQueue queue_;
  std::vector<at::Tensor> new_keys_;  // of this step's micro-batches
};

}  // namespace

std::unique_ptr<Method> make_method_moco(const config::Component& component,
                                         const MethodDeps& deps) {
  return std::make_unique<MoCo>(dynamic_cast<const MoCoConfig&>(component), deps);
}

}  // namespace sslrun::methods
