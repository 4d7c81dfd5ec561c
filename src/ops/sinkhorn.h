// Equal shares of samples for all prototypes.  B samples of this rank, K prototypes.
#pragma once
#include <cmath>
#include <cstdint>

namespace at {
class Tensor;
}

namespace sslrun::dist {
class World;
}

namespace sslrun::ops {

/// Soft assignments of samples to prototypes: exp(scores / eps), scaled `iterations` times so that
/// each prototype has as much as every other over the samples of all ranks, and then each sample 1.
/// shapes    scores_BK [B, K]; B may differ between ranks. Answer: [B, K] without a graph; each row
///           sums to 1, each column to about (samples of all ranks) / K.
/// dtypes    float32 or float64; reduced precisions are computed in float32.
/// numerics  on logarithms, so that no score is too large or too small for its exponential; float32
///           uses kernels/loss/sinkhorn, which makes no matrix but the answer.
/// limit     no |score| of any rank is above it. Where exp(scores / eps) cannot overflow then, nobody
///           looks for the largest score, a fifth of the reading and one exchange.
/// ranks     a number each, then K numbers of each in every iteration, are exchanged.
/// errors    UsageError unless scores_BK is [B, K] with K > 0, eps > 0 and iterations >= 1.
/// source    Cuturi 2013, arXiv:1306.0895, algorithm 1; Caron et al. 2020, arXiv:2006.09882, section
///           3.1; facebookresearch/swav main_swav.py distributed_sinkhorn.
at::Tensor sinkhorn(const at::Tensor& scores_BK,
                    double eps,
                    std::int64_t iterations,
                    dist::World& world,
                    double limit = INFINITY);

constexpr double kCosineLimit = 1.01;  // of products of unit vectors, whatever their rounding

/// The same, said by what is taken off the scores: the assignments are softmax((scores - center) /
/// eps), which ops::self_distillation takes as it is, so that no matrix of them is made.
/// shapes    scores_BK [B, K] -> [K]. The rest as above.
at::Tensor sinkhorn_center(const at::Tensor& scores_BK,
                           double eps,
                           std::int64_t iterations,
                           dist::World& world);

}  // namespace sslrun::ops
