// Clusters of unit rows.  N rows, K clusters, D dimensions.
#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>

namespace sslrun::ops {

struct Clusters {
  at::Tensor centroids_KD;  // unit rows
  at::Tensor labels_N;      // int64: the centroid of largest dot product, the lowest of equals
};

/// Spherical k-means: each iteration puts every row to its nearest centroid and moves each centroid
/// to the direction of its rows' mean; one without rows stays. The labels are those of the last
/// centroids.
/// shapes    x_ND [N, D] unit rows, start_KD [K, D]; both float32 or float64, N >= 1.
/// numerics  fixed order of summation: the same bits in every run on one machine. Takes the rows in
///           blocks: no [N, K] matrix is stored.
/// source    Dhillon and Modha 2001, Machine Learning 42; facebookresearch/swav
///           main_deepclusterv2.py cluster_memory.
Clusters spherical_kmeans(const at::Tensor& x_ND,
                          const at::Tensor& start_KD,
                          std::int64_t iterations);

}  // namespace sslrun::ops
