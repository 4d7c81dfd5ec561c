// A network that follows another as an exponential moving average: the momentum encoder of MoCo, the
// target of BYOL, the teacher of DINO.
#pragma once
#include "nn/module.h"

#include <vector>

namespace sslrun::nn {

/// Makes the follower equal to the leader, buffers included, and freezes it: follow() alone moves it
/// from now on, and it drops no residual branch. Both are networks of the same shape.
void start_following(Module& follower, const Module& leader);

/// What follows what, as parallel lists of weights.
struct Following {
  double tau = 1;  // share of a follower that stays
  std::vector<at::Tensor> leaders = {}, followers = {};

  /// Adds the parameters of a network and its leader's. Buffers are the follower's own: in train
  /// mode it tracks the statistics of what it sees.
  void add(const Module& follower, const Module& leader);
};

/// Moves the followers: t = tau t + (1 - tau) o.
/// source    He et al. 2020, arXiv:1911.05722, equation 2.
void follow(const Following& following);

/// |follower - leader| / |leader| over all parameters together: a scalar.
at::Tensor ema_distance(const Module& follower, const Module& leader);

}  // namespace sslrun::nn
