#include "ops/sinkhorn.h"

#include "base/error.h"
#include "dist/world.h"
#include "kernels/loss/sinkhorn.h"
#include "ops/autocast.h"
#include "ops/device.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/aminmax.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/full.h>
#include <ATen/ops/zeros.h>

#include <fmt/format.h>

#include <cmath>
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

/// SinkhornArgs::bound on the CPU: infinity where the weights of this rank are too far apart. On
/// another device the question would cost a wait.
class Bound {
 public:
  Bound(const at::Tensor& scores_BK, double eps) {
    if (!scores_BK.is_cpu() || scores_BK.numel() == 0) return;
    const auto [least, most] = at::aminmax(scores_BK);
    largest_ = most.item<double>() / eps;
    range_ = largest_ - least.item<double>() / eps;
  }

  float above(const at::Tensor& log_scale_K) const {
    if (!std::isfinite(range_)) return INFINITY;
    const auto [least, most] = at::aminmax(log_scale_K);
    const double scale = least.item<double>(), spread = most.item<double>() - scale;
    return range_ + spread < kernels::kSinkhornSlack ? static_cast<float>(largest_ - scale)
                                                     : INFINITY;
  }

 private:
  double largest_ = 0, range_ = INFINITY;  // of the scores, over eps
};

/// With the matrix of logarithms, in float64.
at::Tensor by_matrix(const at::Tensor& scores_BK,
                     double eps,
                     std::int64_t iterations,
                     dist::World& world) {
  at::Tensor log_BK = (scores_BK - largest(scores_BK, world)) / eps;
  for (std::int64_t i = 0; i < iterations; ++i) {
    const at::Tensor share_K = world.all_reduce_sum(log_BK.exp().sum(0));
    log_BK = log_BK - share_K.clamp_min(kLeast).log();
    log_BK = log_BK.log_softmax(1);
  }
  return log_BK.exp();
}

/// With one vector of scales, reading the scores once for each iteration and once for the answer.
at::Tensor by_vectors(const at::Tensor& scores_BK,
                      double eps,
                      std::int64_t iterations,
                      dist::World& world) {
  const std::int64_t samples = scores_BK.size(0), prototypes = scores_BK.size(1);
  const at::Tensor log_scale_K = at::zeros({prototypes}, scores_BK.options()),
                   share_K = at::empty_like(log_scale_K),
                   scratch = at::empty({kernels::sinkhorn_scratch(samples, prototypes)},
                                       scores_BK.options()),
                   assigned_BK = at::empty_like(scores_BK), top = largest(scores_BK, world);
  kernels::SinkhornArgs args{.scores = scores_BK.const_data_ptr<float>(),
                             .log_scale = log_scale_K.const_data_ptr<float>(),
                             .samples = samples,
                             .prototypes = prototypes,
                             .inv_eps = static_cast<float>(1 / eps),
                             .largest = top.const_data_ptr<float>()};
  const Bound bound(scores_BK, eps);
  float* const room = scratch.mutable_data_ptr<float>();
  for (std::int64_t i = 0; i < iterations; ++i) {
    on_device(scores_BK, [&](auto device) {
      kernels::sinkhorn_share(args, share_K.mutable_data_ptr<float>(), room, device);
    });
    args.largest = nullptr;  // from here on every sample has its share of 1
    log_scale_K.add_(world.all_reduce_sum(share_K).clamp_min(kLeast).log());
    args.bound = bound.above(log_scale_K);
  }
  on_device(scores_BK, [&](auto device) {
    kernels::sinkhorn_assign(args, assigned_BK.mutable_data_ptr<float>(), room, device);
  });
  return assigned_BK;
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
  const at::Tensor scores = at_full_precision(scores_BK).contiguous();
  if (scores.scalar_type() == at::kDouble) return by_matrix(scores, eps, iterations, world);
  return by_vectors(scores, eps, iterations, world);
}

}  // namespace sslrun::ops
