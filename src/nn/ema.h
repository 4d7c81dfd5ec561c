// A network that follows another as an exponential moving average: the momentum encoder of MoCo, the
// target of BYOL, the teacher of DINO.
#pragma once
#include "nn/module.h"

namespace sslrun::nn {

/// Makes the follower equal to the leader, buffers included, and freezes it: ema_update alone moves
/// it from now on, and it drops no residual branch. Both are networks of the same shape.
void start_following(Module& follower, const Module& leader);

/// t = tau t + (1 - tau) o for each parameter. Buffers are the follower's own: in train mode it
/// tracks the statistics of what it sees.
/// source    He et al. 2020, arXiv:1911.05722, equation 2.
void ema_update(const Module& follower, const Module& leader, double tau);

/// |follower - leader| / |leader| over all parameters together: a scalar.
at::Tensor ema_distance(const Module& follower, const Module& leader);

}  // namespace sslrun::nn
