#include "ops/spherical_kmeans.h"

#include "ops/autocast.h"
#include "ops/rows.h"
#include "ops/unit_rows.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/where.h>
#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>

#include <algorithm>
#include <vector>

namespace sslrun::ops {
namespace {

constexpr std::int64_t kBlock = 4096;  // rows

}  // namespace

Clusters spherical_kmeans(const at::Tensor& x_ND,
                          const at::Tensor& start_KD,
                          std::int64_t iterations) {
  const at::NoGradGuard no_grad;
  const FullPrecision full(x_ND.device());
  at::Tensor centroids_KD = start_KD;
  const at::Tensor clusters_K = at::arange(start_KD.size(0), x_ND.options().dtype(at::kLong));
  for (std::int64_t i = 0;; ++i) {
    const at::Tensor sums_KD = at::zeros_like(start_KD);
    const at::Tensor counts_K1 = at::zeros({start_KD.size(0), 1}, start_KD.options());
    std::vector<at::Tensor> labels;
    for (std::int64_t first = 0; first < x_ND.size(0); first += kBlock) {
      const at::Tensor block = x_ND.narrow(0, first, std::min(kBlock, x_ND.size(0) - first));
      labels.push_back(block.matmul(centroids_KD.t()).argmax(1));
      if (i == iterations) continue;
      // A product with 0 and 1, not a scatter: its order of summation is fixed on a GPU too.
      const at::Tensor member_KB =
          clusters_K.unsqueeze(1).eq(labels.back()).to(start_KD.scalar_type());
      sums_KD.add_(member_KB.matmul(block));
      counts_K1.add_(member_KB.sum(1, /*keepdim=*/true));
    }
    if (i == iterations) return {centroids_KD, cat_rows(labels)};
    centroids_KD = at::where(counts_K1.gt(0), unit_rows(sums_KD), centroids_KD);
  }
}

}  // namespace sslrun::ops
