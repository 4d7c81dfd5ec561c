#include "ops/sinkhorn.h"

#include "base/error.h"
#include "dist/world.h"
#include "ops/autocast.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/full.h>

#include <fmt/format.h>

#include <limits>

namespace sslrun::ops {
namespace {

constexpr double kLeast = std::numeric_limits<float>::min();  // below it a share has no logarithm

/// The largest score of all ranks; a rank without samples has none.
at::Tensor largest(const at::Tensor& scores_BK, dist::World& world) {
  const at::Tensor own =
      scores_BK.numel() > 0
          ? scores_BK.max().view({1})
          : at::full({1}, std::numeric_limits<float>::lowest(), scores_BK.options());
  return world.all_gather(own).max();
}

}  // namespace

at::Tensor sinkhorn(const at::Tensor& scores_BK,
                    double eps,
                    std::int64_t iterations,
                    dist::World& world) {
  if (scores_BK.dim() != 2 || scores_BK.size(1) == 0)
    throw UsageError("scores of sinkhorn must be [B, K] with K > 0");
  if (!(eps > 0) || iterations < 1) {
    throw UsageError(fmt::format(
        "sinkhorn must have eps > 0 and 1 iteration or more, got {} and {}", eps, iterations));
  }
  const at::NoGradGuard no_grad;
  const FullPrecision full(scores_BK.device());
  const at::Tensor scores = at_full_precision(scores_BK);
  at::Tensor log_BK = (scores - largest(scores, world)) / eps;
  for (std::int64_t i = 0; i < iterations; ++i) {
    const at::Tensor share_K = world.all_reduce_sum(log_BK.exp().sum(0));
    log_BK = log_BK - share_K.clamp_min(kLeast).log();
    log_BK = log_BK.log_softmax(1);
  }
  return log_BK.exp();
}

}  // namespace sslrun::ops
