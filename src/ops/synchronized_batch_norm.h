// C channels, the second dimension.
#pragma once
#include <ATen/core/Tensor.h>

namespace sslrun::dist {
class World;
}

namespace sslrun::ops {

struct BatchNormState {
  at::Tensor weight_C, bias_C;  // undefined: 1 and 0
  at::Tensor running_mean_C, running_var_C;
  double momentum = 0.1, eps = 1e-5;
};

/// Batch norm in train mode with the statistics of all ranks' rows, of which each has equally many;
/// the running statistics are moved.
/// shapes    x_NC [N, C, ...] -> the same.
/// numerics  statistics and their merging in float32, as torch.nn.SyncBatchNorm; x may be bfloat16.
/// gradient  of this rank's rows for the sum of the ranks' losses; for weight and bias this rank's
///           share of it, which the gradients' reduction adds up.
/// source    Ioffe, Szegedy 2015, arXiv:1502.03167; PyTorch torch/nn/modules/_functions.py.
at::Tensor synchronized_batch_norm(const at::Tensor& x_NC,
                                   const BatchNormState& state,
                                   dist::World& world);

}  // namespace sslrun::ops
