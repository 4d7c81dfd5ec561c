// How good embeddings are, without labels.  N rows, D dimensions. All in float64, without a graph.
#pragma once
#include <ATen/core/Tensor.h>

namespace sslrun::ops {

/// exp of the entropy of the singular values' shares of z_ND, to which 1e-7 is added: between 1, where
/// all rows are multiples of one, and min(N, D).
/// source    Garrido et al. 2023, arXiv:2210.02885, equations 1 and 2.
double rank_me(const at::Tensor& z_ND);

/// exp of the entropy of the shares of the eigenvalues of the covariance of z_ND: how many directions
/// the rows vary in. 0 where they do not vary.
/// source    Roy and Vetterli 2007, "The effective rank", on the centred rows.
double effective_rank(const at::Tensor& z_ND);

/// The mean squared distance of the unit rows of x_ND from those of y_ND, the same images' others: 0 to
/// 4. source: Wang and Isola 2020, arXiv:2005.10242, equation 1; SsnL/align_uniform.
double alignment(const at::Tensor& x_ND, const at::Tensor& y_ND);

/// log of the mean of exp(-2 d^2) over the pairs of unit rows: 0 where all are one, -4 + 8 / D where
/// they spread over the sphere. N >= 2. source: the same, equation 2.
double uniformity(const at::Tensor& z_ND);

/// A task in which each query is to find its key among all: scalars in float32.
struct ContrastStats {
  at::Tensor positive_cosine;  // mean over the queries of that with their own key
  at::Tensor negative_cosine;  // and with all other keys
  at::Tensor top1;             // share of the queries whose key is the nearest
};

/// shapes    q_ND [N, D]; k_MD [M, D], M > 1 and >= N, the key of query i in row i.
ContrastStats contrast_stats(const at::Tensor& q_ND, const at::Tensor& k_MD);

/// How a teacher spreads rows over K classes: scalars in float32, entropies in nats.
struct AssignmentStats {
  at::Tensor entropy;          // the mean over the rows
  at::Tensor kl_from_uniform;  // ln K - entropy
  at::Tensor classes_used;     // exp of the entropy of the mean row: 1 .. K
};

/// shapes    p_NK [N, K], each row a distribution.
AssignmentStats assignment_stats(const at::Tensor& p_NK);

}  // namespace sslrun::ops
