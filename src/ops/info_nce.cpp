#include "ops/info_nce.h"

#include "base/error.h"
#include "ops/autocast.h"
#include "ops/unit_rows.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/full.h>
#include <ATen/ops/ones_like.h>
#include <ATen/ops/zeros_like.h>
#include <torch/csrc/autograd/custom_function.h>

#include <fmt/format.h>

#include <algorithm>
#include <limits>

namespace sslrun::ops {
namespace {

// Keys at a time: 4 MB of logits for 256 queries. On two busy cores 2.7 times as fast as the whole
// matrix; 2.0 with half as many, 2.8 with twice as many.
constexpr std::int64_t kTile = 4096;

/// Calls f(first, keys) for every tile of keys.
template <class F>
void for_tiles(const at::Tensor& keys_MD, const F& f) {
  for (std::int64_t first = 0; first < keys_MD.size(0); first += kTile)
    f(first, keys_MD.narrow(0, first, std::min(kTile, keys_MD.size(0) - first)));
}

/// Each query's softmax over keys that come in tiles: its log-sum-exp, and the mean of the keys under
/// it, which is all that the gradient of a query needs.
struct Stream {
  at::Tensor max_N1, sum_N1, mean_ND;  // sum and mean: in units of exp(max)

  /// logits: overwritten.
  void add(const at::Tensor& logits, const at::Tensor& keys) {
    const at::Tensor higher_N1 = max_N1.maximum(logits.amax({1}, /*keepdim=*/true));
    const at::Tensor keep_N1 = (max_N1 - higher_N1).exp();
    logits.sub_(higher_N1).exp_();
    sum_N1.mul_(keep_N1).add_(logits.sum(1, /*keepdim=*/true));
    mean_ND.mul_(keep_N1).addmm_(logits, keys);
    max_N1 = higher_N1;
  }

  at::Tensor lse_N1() const { return max_N1 + sum_N1.log(); }

  at::Tensor mean() const { return mean_ND / sum_N1; }
};

at::Tensor dots(const at::Tensor& x_ND, const at::Tensor& y_ND) {
  return (x_ND * y_ND).sum(1, /*keepdim=*/true);
}

/// The mean over the queries of lse(positive and queue) - positive, on the products of unit rows.
struct AgainstQueue final : torch::autograd::Function<AgainstQueue> {
  static at::Tensor forward(torch::autograd::AutogradContext* context,
                            const at::Tensor& q_ND,
                            const at::Tensor& positive_ND,
                            const at::Tensor& queue_MD,
                            double temperature) {
    const at::Tensor scaled_ND = q_ND / temperature;
    const at::Tensor logit_N1 = dots(scaled_ND, positive_ND);
    Stream stream{logit_N1.clone(), at::ones_like(logit_N1), positive_ND.clone()};
    for_tiles(queue_MD, [&](std::int64_t, const at::Tensor& keys) {
      stream.add(scaled_ND.matmul(keys.t()), keys);
    });
    const at::Tensor loss_N1 = stream.lse_N1() - logit_N1;
    context->save_for_backward({q_ND, positive_ND, stream.mean(), (-loss_N1).exp()});
    context->saved_data["temperature"] = temperature;
    return loss_N1.mean();
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 const torch::autograd::variable_list& upstream) {
    const torch::autograd::variable_list saved = context->get_saved_variables();
    const at::Tensor &q_ND = saved[0], &positive_ND = saved[1], &mean_ND = saved[2],
                     &probability_N1 = saved[3];
    const at::Tensor scale = upstream[0] / (context->saved_data["temperature"].toDouble() *
                                            static_cast<double>(q_ND.size(0)));
    return {(mean_ND - positive_ND) * scale, (probability_N1 - 1) * q_ND * scale, {}, {}};
  }
};

/// The mean over the queries of lse(keys) - positive, on the products of unit rows. Query i's positive
/// is key first_positive + i; where first_self is not negative, key first_self + i is left out.
struct AmongKeys final : torch::autograd::Function<AmongKeys> {
  static at::Tensor forward(torch::autograd::AutogradContext* context,
                            const at::Tensor& q_ND,
                            const at::Tensor& keys_MD,
                            std::int64_t first_positive,
                            std::int64_t first_self,
                            double temperature) {
    const std::int64_t rows = q_ND.size(0);
    const at::Tensor scaled_ND = q_ND / temperature;
    const at::Tensor positive_ND = keys_MD.narrow(0, first_positive, rows);
    const at::Tensor none_N1 =
        at::full({rows, 1}, -std::numeric_limits<double>::infinity(), q_ND.options());
    Stream stream{none_N1, at::zeros_like(none_N1), at::zeros_like(q_ND)};
    for_tiles(keys_MD, [&](std::int64_t first, const at::Tensor& keys) {
      stream.add(logits_of(scaled_ND, keys, first, first_self), keys);
    });
    const at::Tensor lse_N1 = stream.lse_N1();
    context->save_for_backward({q_ND, keys_MD, lse_N1, stream.mean()});
    context->saved_data["first_positive"] = first_positive;
    context->saved_data["first_self"] = first_self;
    context->saved_data["temperature"] = temperature;
    return (lse_N1 - dots(scaled_ND, positive_ND)).mean();
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 const torch::autograd::variable_list& upstream) {
    const torch::autograd::variable_list saved = context->get_saved_variables();
    const at::Tensor &q_ND = saved[0], &keys_MD = saved[1], &lse_N1 = saved[2], &mean_ND = saved[3];
    const std::int64_t rows = q_ND.size(0),
                       first_positive = context->saved_data["first_positive"].toInt(),
                       first_self = context->saved_data["first_self"].toInt();
    const double temperature = context->saved_data["temperature"].toDouble();
    const at::Tensor scale = upstream[0] / (temperature * static_cast<double>(rows));
    const at::Tensor dq_ND = (mean_ND - keys_MD.narrow(0, first_positive, rows)) * scale;
    if (!context->needs_input_grad(1)) return {dq_ND, {}, {}, {}, {}};
    const at::Tensor scaled_ND = q_ND / temperature, pull_ND = q_ND * scale;
    const at::Tensor dkeys_MD = at::empty_like(keys_MD);
    for_tiles(keys_MD, [&](std::int64_t first, const at::Tensor& keys) {
      const at::Tensor p = logits_of(scaled_ND, keys, first, first_self).sub_(lse_N1).exp_();
      dkeys_MD.narrow(0, first, keys.size(0)).copy_(p.t().matmul(pull_ND));
    });
    dkeys_MD.narrow(0, first_positive, rows).sub_(pull_ND);
    return {dq_ND, dkeys_MD, {}, {}, {}};
  }

  /// Of the tile of keys that begins at `first`; -inf where query and key are the same row.
  static at::Tensor logits_of(const at::Tensor& scaled_ND,
                              const at::Tensor& keys,
                              std::int64_t first,
                              std::int64_t first_self) {
    const at::Tensor logits = scaled_ND.matmul(keys.t());
    if (first_self < 0) return logits;
    const std::int64_t begin = std::max<std::int64_t>(0, first - first_self),
                       end = std::min(logits.size(0), first + logits.size(1) - first_self);
    if (begin < end) {
      logits.narrow(0, begin, end - begin)
          .narrow(1, first_self + begin - first, end - begin)
          .diagonal()
          .fill_(-std::numeric_limits<double>::infinity());
    }
    return logits;
  }
};

void check(const at::Tensor& q_ND, const at::Tensor& k_MD, double temperature) {
  if (q_ND.dim() != 2 || k_MD.dim() != 2 || q_ND.size(0) == 0 || q_ND.size(1) != k_MD.size(1))
    throw UsageError("queries and keys of info_nce must be [N, D] and [M, D] with N > 0");
  if (!(temperature > 0))
    throw UsageError(fmt::format("temperature of info_nce must be > 0, got {}", temperature));
}

}  // namespace

at::Tensor info_nce_queue(const at::Tensor& q_ND,
                          const at::Tensor& positive_ND,
                          const at::Tensor& queue_MD,
                          double temperature) {
  check(q_ND, queue_MD, temperature);
  if (positive_ND.sizes() != q_ND.sizes())
    throw UsageError("info_nce_queue must have one positive for each query");
  const FullPrecision full(q_ND.device());
  const at::Tensor unit_ND = unit_rows(q_ND);
  return AgainstQueue::apply(
      unit_ND, unit_rows(positive_ND), queue_MD.detach().to(unit_ND.scalar_type()), temperature);
}

at::Tensor info_nce_batch(const at::Tensor& q_ND,
                          const at::Tensor& k_MD,
                          std::int64_t first_positive,
                          double temperature,
                          std::optional<std::int64_t> first_self) {
  check(q_ND, k_MD, temperature);
  const std::int64_t rows = q_ND.size(0), keys = k_MD.size(0);
  if (first_positive < 0 || first_positive + rows > keys)
    throw UsageError("info_nce_batch must have a positive among the keys for each query");
  if (first_self && (*first_self < 0 || *first_self + rows > keys || *first_self == first_positive))
    throw UsageError("info_nce_batch must have each query among the keys, apart from its positive");
  const FullPrecision full(q_ND.device());
  return AmongKeys::apply(
      unit_rows(q_ND), unit_rows(k_MD), first_positive, first_self.value_or(-1), temperature);
}

}  // namespace sslrun::ops
