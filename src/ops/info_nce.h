// Contrastive losses between queries and keys.  N queries, M keys, D dimensions.
#pragma once
#include <cstdint>
#include <optional>

namespace at {
class Tensor;
}

namespace sslrun::ops {

/// The mean over the queries of -log softmax of its positive among the positive and the negatives of
/// a queue, on cosines / temperature.
/// shapes    q_ND [N, D], positive_ND [N, D] (the key of each query), queue_MD [M, D] unit rows, M >= 0.
/// dtypes    float32 or float64; reduced precisions are computed in float32. Answer: a scalar.
/// numerics  the N x (1 + M) logits are never stored: the queue is read once, a few thousand keys at a
///           time.
/// gradient  for q_ND and positive_ND, once; the queue is a constant.
/// source    He et al. 2020, arXiv:1911.05722, equation 1.
at::Tensor info_nce_queue(const at::Tensor& q_ND,
                          const at::Tensor& positive_ND,
                          const at::Tensor& queue_MD,
                          double temperature);

/// The mean over the queries of -log softmax of key `first_positive` + i for query i among all keys,
/// on cosines / temperature.
/// shapes    q_ND [N, D], k_MD [M, D], first_positive + N <= M. first_self: key first_self + i is query
///           i itself and no candidate; absent: the queries are not among the keys.
/// dtypes    as above. gradient: for both, once.
/// numerics  the N x M logits are never stored: a few thousand keys at a time, again in the backward
///           pass where the keys have a gradient.
/// source    Chen, Xie, He 2021, arXiv:2104.02057, equation 1 (MoCo v3 multiplies it by 2 *
///           temperature); Dwibedi et al. 2021, arXiv:2104.14548, equation 3. With first_self it is
///           NT-Xent of one rank's rows among all: google-research/simclr objective.py
///           add_contrastive_loss.
at::Tensor info_nce_batch(const at::Tensor& q_ND,
                          const at::Tensor& k_MD,
                          std::int64_t first_positive,
                          double temperature,
                          std::optional<std::int64_t> first_self = {});

}  // namespace sslrun::ops
