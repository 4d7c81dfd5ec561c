// C channels, the second dimension.
#pragma once
#include "nn/module.h"

#include <cstdint>

namespace sslrun::dist {
class World;
}

namespace sslrun::nn {

enum class Affine {
  kScaleAndShift,  // gamma and beta
  kScale,          // gamma only
  kNone,
};

/// Batch norm over all dimensions but the second, for [N, C] and [N, C, H, W], as
/// torch.nn.BatchNorm1d and 2d: eps 1e-5, running statistics move by 0.1 per step, the running
/// variance is the unbiased one.
class BatchNorm final : public Module {
 public:
  /// gamma: its starting value; 0 makes a residual block start as the identity.
  explicit BatchNorm(std::int64_t channels,
                     Affine affine = Affine::kScaleAndShift,
                     double gamma = 1.0);

  /// In train mode each of `groups` equal runs of rows has its own statistics, as on so many devices
  /// without synchronisation; the running ones move by their mean. N must divide by groups. Of a
  /// synchronised batch norm the runs are those of all ranks' rows: each rank has its share of them,
  /// and groups must divide by the ranks.
  void split(std::int64_t groups) { groups_ = groups; }

  /// In train mode the statistics are those of the rows of all ranks, which bring equally many; null:
  /// each rank has its own. The world outlives the module's passes.
  void synchronize(dist::World* world) { world_ = world; }

  /// Same shape out. In train mode the statistics are those of x, and the running ones are updated.
  at::Tensor forward(const at::Tensor& x_NC) const;

 private:
  at::Tensor forward_split(const at::Tensor& x_NC) const;

  std::int64_t groups_ = 1;
  dist::World* world_ = nullptr;
  at::Tensor weight_C_, bias_C_, running_mean_C_, running_var_C_, num_batches_tracked_;
};

}  // namespace sslrun::nn
