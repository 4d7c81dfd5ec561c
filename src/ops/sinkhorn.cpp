#include "ops/sinkhorn.h"

#include "base/error.h"
#include "dist/world.h"
#include "kernels/loss/sinkhorn.h"
#include "ops/autocast.h"
#include "ops/device.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
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
constexpr double kScalesApart = 32;  // logarithms of scales, that Bound finds beside a limit too

/// The least and the largest value, [1] each.
struct Extremes {
  at::Tensor least, most;
};

Extremes extremes(double least, double most, const at::TensorOptions& options) {
  return {at::full({1}, least, options), at::full({1}, most, options)};
}

/// Of nothing, the least is above the largest.
Extremes extremes_of(const at::Tensor& values) {
  if (values.numel() == 0)
    return extremes(INFINITY, std::numeric_limits<float>::lowest(), values.options());
  const auto [least, most] = at::aminmax(values);
  return {least.view({1}), most.view({1})};
}

/// SinkhornArgs::bound on the CPU: infinity where the weights of this rank are too far apart. On
/// another device the question would cost a wait.
class Bound {
 public:
  Bound(const Extremes& scores, double eps) {
    if (!scores.most.is_cpu()) return;
    largest_ = scores.most.item<double>() / eps;
    range_ = largest_ - scores.least.item<double>() / eps;
  }

  float above(const at::Tensor& log_scale_K) const {
    if (!std::isfinite(range_)) return INFINITY;
    const Extremes scale = extremes_of(log_scale_K);
    const double least = scale.least.item<double>(), spread = scale.most.item<double>() - least;
    return range_ + spread < kernels::kSinkhornSlack ? static_cast<float>(largest_ - least)
                                                     : INFINITY;
  }

 private:
  double largest_ = 0, range_ = INFINITY;  // of the scores, over eps
};

/// The iterations on one vector of scales, which read the scores once each: by kernels in float32, by
/// tensor operations in float64.
class Scaling {
 public:
  Scaling(const at::Tensor& scores_BK, double eps, double limit)
      : scores_BK_(scores_BK),
        eps_(eps),
        by_kernels_(scores_BK.scalar_type() == at::kFloat),
        limited_(2 * limit / eps + kScalesApart < kernels::kSinkhornSlack),
        extremes_(limited_ ? extremes(-limit, limit, scores_BK.options()) : extremes_of(scores_BK)),
        bound_(extremes_, eps),
        log_scale_K_(at::zeros({scores_BK.size(1)}, scores_BK.options())),
        room_(at::empty(
            {by_kernels_ ? kernels::sinkhorn_scratch(scores_BK.size(0), scores_BK.size(1)) : 0},
            scores_BK.options())) {}

  void iterate(std::int64_t iterations, dist::World& world) {
    at::Tensor top = limited_ ? extremes_.most : world.all_gather(extremes_.most).max();
    for (std::int64_t i = 0; i < iterations; ++i) {
      log_scale_K_.add_(world.all_reduce_sum(shares(top)).clamp_min(kLeast).log());
      top.reset();  // from here on every sample has its share of 1
    }
  }

  const at::Tensor& log_scale() const { return log_scale_K_; }

  at::Tensor assigned() const {
    if (!by_kernels_) return log_weights().softmax(1);
    const at::Tensor assigned_BK = at::empty_like(scores_BK_);
    on_device(scores_BK_, [&](auto device) {
      kernels::sinkhorn_assign(arguments(),
                               assigned_BK.mutable_data_ptr<float>(),
                               room_.mutable_data_ptr<float>(),
                               device);
    });
    return assigned_BK;
  }

 private:
  /// What each prototype gets of all samples, which are not normalised where `top` is defined.
  at::Tensor shares(const at::Tensor& top) const {
    if (!by_kernels_) {
      return (top.defined() ? (log_weights() - top / eps_).exp() : log_weights().softmax(1)).sum(0);
    }
    const at::Tensor share_K = at::empty_like(log_scale_K_);
    kernels::SinkhornArgs args = arguments();
    if (top.defined()) args.largest = top.const_data_ptr<float>();
    on_device(scores_BK_, [&](auto device) {
      kernels::sinkhorn_share(
          args, share_K.mutable_data_ptr<float>(), room_.mutable_data_ptr<float>(), device);
    });
    return share_K;
  }

  at::Tensor log_weights() const { return scores_BK_ / eps_ - log_scale_K_; }

  kernels::SinkhornArgs arguments() const {
    return {.scores = scores_BK_.const_data_ptr<float>(),
            .log_scale = log_scale_K_.const_data_ptr<float>(),
            .samples = scores_BK_.size(0),
            .prototypes = scores_BK_.size(1),
            .inv_eps = static_cast<float>(1 / eps_),
            .bound = bound_.above(log_scale_K_)};
  }

  at::Tensor scores_BK_;
  double eps_;
  bool by_kernels_, limited_;
  Extremes extremes_;
  Bound bound_;
  at::Tensor log_scale_K_, room_;
};

Scaling scaled(const at::Tensor& scores_BK,
               double eps,
               std::int64_t iterations,
               dist::World& world,
               double limit) {
  if (scores_BK.dim() != 2 || scores_BK.size(1) == 0)
    throw UsageError("scores of sinkhorn must be [B, K] with K > 0");
  if (!(eps > 0) || iterations < 1) {
    throw UsageError(fmt::format(
        "sinkhorn must have eps > 0 and 1 iteration or more, got {} and {}", eps, iterations));
  }
  const FullPrecision full(scores_BK.device());
  Scaling scaling(at_full_precision(scores_BK.detach()).contiguous(), eps, limit);
  scaling.iterate(iterations, world);
  return scaling;
}

}  // namespace

at::Tensor sinkhorn(const at::Tensor& scores_BK,
                    double eps,
                    std::int64_t iterations,
                    dist::World& world,
                    double limit) {
  return scaled(scores_BK, eps, iterations, world, limit).assigned();
}

at::Tensor sinkhorn_center(const at::Tensor& scores_BK,
                           double eps,
                           std::int64_t iterations,
                           dist::World& world) {
  return scaled(scores_BK, eps, iterations, world, INFINITY).log_scale() * eps;
}

}  // namespace sslrun::ops
