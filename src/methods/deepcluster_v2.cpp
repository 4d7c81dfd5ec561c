// DeepCluster-v2: the embeddings of all training images are clustered at the start of every epoch, and
// each view predicts the cluster that its image fell into.  N images of this process, V views, D =
// output_dim, K prototypes, H heads, S training images.  source: Caron et al. 2020, arXiv:2006.09882,
// appendix D; facebookresearch/swav main_deepclusterv2.py.
//
// The embeddings of the first two views are kept by the image's number. The first epoch only
// collects them: the loss is 0 and no parameter moves, as in the official first pass over the data.
// All ranks keep all embeddings and cluster them alike, so nothing need be exchanged for that.
#include "base/philox.h"
#include "dist/world.h"
#include "methods/deepcluster_v2_config.h"
#include "methods/method.h"
#include "methods/multi_crop.h"
#include "nn/mlp.h"
#include "ops/autocast.h"
#include "ops/embedding_std.h"
#include "ops/representation.h"
#include "ops/rows.h"
#include "ops/spherical_kmeans.h"
#include "ops/unit_rows.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/full.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <numeric>
#include <vector>

namespace sslrun::methods {
namespace {

constexpr std::int64_t kBanks = 2;      // of the first two views
constexpr std::int64_t kUnseen = -100;  // label of an image that is in no bank yet

class DeepClusterV2 final : public Method {
 public:
  DeepClusterV2(const DeepClusterV2Config& config, const MethodDeps& deps)
      : Method(deps.make_encoder()),
        config_(config),
        seed_(deps.seed),
        init_(deps.seed, kFirstHeadOrdinal),
        projector_({.widths = {encoder().width(),
                               config.projector.hidden_dim,
                               config.projector.output_dim},
                    .hidden_bias = true,
                    .output_bias = true},
                   init_),
        prototypes_HKD_(register_buffer(
            "prototypes",
            at::zeros({config.heads, config.prototypes, config.projector.output_dim}))),
        banks_2SD_(
            register_buffer("banks",
                            at::zeros({kBanks, deps.train_images, config.projector.output_dim}))),
        labels_HS_(
            register_buffer("labels",
                            at::full({config.heads, deps.train_images}, kUnseen, at::kLong))) {
    register_module("projector", projector_);
  }

  void before_step(const Progress& progress) override {
    if (progress.step % progress.steps_per_epoch == 0) cluster(progress.epoch());
  }

  StepResult forward(std::span<const at::Tensor> views, const StepContext& context) override {
    const at::Tensor z_MD = ops::unit_rows(projector_.forward(multi_crop(encoder(), views)));
    const ops::FullPrecision full(z_MD.device());
    const at::Tensor samples_N = ops::indices(context.samples, z_MD.device());
    const auto num_views = static_cast<std::int64_t>(views.size());
    const at::Tensor z_VND = z_MD.view({num_views, -1, z_MD.size(1)});
    at::Tensor loss;
    for (std::int64_t h = 0; h < config_.heads; ++h) {
      const at::Tensor scores_MK = z_MD.matmul(prototypes_HKD_[h].t()) / config_.temperature;
      const at::Tensor labels_N = labels_HS_[h].index_select(0, samples_N);
      const at::Tensor term = predict(scores_MK, labels_N.repeat({num_views}), context.world);
      loss = loss.defined() ? loss + term : term;
    }
    seen_.push_back(context.world.all_gather(samples_N));
    for (std::int64_t v = 0; v < kBanks; ++v)
      embedded_[v].push_back(context.world.all_gather(z_VND[v].detach()));
    StepResult result{.loss = loss / static_cast<double>(config_.heads),
                      .scalars = {{"embedding_std", ops::embedding_std(z_VND[0])}},
                      .embeddings = {z_VND[0], z_VND[1]},
                      .candidates = config_.prototypes};
    if (context.diagnose) report_prototypes(result);
    return result;
  }

  void after_step(const Progress&) override {
    const at::NoGradGuard no_grad;
    for (std::size_t i = 0; i < seen_.size(); ++i) {
      for (std::int64_t v = 0; v < kBanks; ++v)
        banks_2SD_[v].index_copy_(0, seen_[i], embedded_[v][i]);
    }
    forget_step();
  }

  void forget_step() override {
    seen_.clear();
    for (auto& rows : embedded_) rows.clear();
  }

  std::int64_t embedding_dim() const override { return config_.projector.output_dim; }

  optim::ParameterRule rule(std::string_view, std::int64_t steps_per_epoch) const override {
    return {.frozen_steps = steps_per_epoch};
  }

 private:
  // The clusters of the first head that the images known so far fell into, as report_assignments counts
  // them; nothing before the first clustering.
  void report_prototypes(StepResult& result) const {
    const at::Tensor labels_S = labels_HS_[0];
    const at::Tensor known_M = labels_S.masked_select(labels_S.ne(kUnseen));
    if (known_M.size(0) == 0) return;
    const at::Tensor share_K =
        known_M.bincount({}, config_.prototypes).to(at::kFloat) / known_M.size(0);
    result.scalars.emplace_back("prototypes_used",
                                ops::assignment_stats(share_K.unsqueeze(0)).classes_used);
  }

  // The mean cross entropy over the rows of all ranks that have a label, 0 where none has.
  static at::Tensor predict(const at::Tensor& scores_MK,
                            const at::Tensor& labels_M,
                            dist::World& world) {
    const at::Tensor known_M = labels_M.ne(kUnseen);
    const at::Tensor picked_M = scores_MK.gather(1, labels_M.clamp_min(0).unsqueeze(1)).squeeze(1);
    const at::Tensor sum = ((scores_MK.logsumexp({1}) - picked_M) * known_M).sum();
    const at::Tensor count = world.all_reduce_sum(known_M.sum());
    return sum * world.size() / count.clamp_min(1);
  }

  // Clusters what the banks hold, head h the embeddings of bank h mod 2, from K random images.
  void cluster(std::int64_t epoch) {
    const at::NoGradGuard no_grad;
    const at::Tensor seen_M = banks_2SD_[0].abs().sum(1).nonzero().squeeze(1);
    if (seen_M.size(0) == 0) return;
    for (std::int64_t h = 0; h < config_.heads; ++h) {
      const at::Tensor x_MD = banks_2SD_[h % kBanks].index_select(0, seen_M);
      const at::Tensor start_KD =
          x_MD.index_select(0, ops::indices(starts(seen_M.size(0), epoch, h), x_MD.device()));
      const ops::Clusters found = ops::spherical_kmeans(x_MD, start_KD, config_.kmeans_iterations);
      prototypes_HKD_[h].copy_(found.centroids_KD);
      labels_HS_[h].index_copy_(0, seen_M, found.labels_N);
    }
  }

  // Numbers of different rows to start from; rows again where there are fewer than prototypes.
  std::vector<std::int64_t> starts(std::int64_t rows, std::int64_t epoch, std::int64_t head) const {
    std::vector<std::int64_t> all(static_cast<std::size_t>(rows));
    std::iota(all.begin(), all.end(), 0);
    Rng rng(seed_,
            Purpose::kMethod,
            static_cast<std::uint32_t>(epoch),
            static_cast<std::uint32_t>(head),
            0);
    std::vector<std::int64_t> out;
    for (std::int64_t k = 0; k < config_.prototypes; ++k) {
      const std::int64_t place = k % rows;
      if (place == k) std::swap(all[std::size_t(k)], all[std::size_t(k + rng.below(rows - k))]);
      out.push_back(all[std::size_t(place)]);
    }
    return out;
  }

  DeepClusterV2Config config_;
  std::uint32_t seed_;
  nn::Init init_;
  nn::Mlp projector_;
  at::Tensor prototypes_HKD_, banks_2SD_, labels_HS_;
  std::vector<at::Tensor> seen_, embedded_[kBanks];  // of this step's micro-batches
};

}  // namespace

std::unique_ptr<Method> make_method_deepcluster_v2(const config::Component& component,
                                                   const MethodDeps& deps) {
  return std::make_unique<DeepClusterV2>(dynamic_cast<const DeepClusterV2Config&>(component), deps);
}

}  // namespace sslrun::methods
