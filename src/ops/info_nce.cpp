#include "ops/info_nce.h"

#include "base/error.h"
#include "ops/autocast.h"
#include "ops/unit_rows.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/ones_like.h>
#include <torch/csrc/autograd/custom_function.h>

#include <fmt/format.h>

#include <algorithm>

namespace sslrun::ops {
namespace {

// Keys at a time: 4 MB of logits for 256 queries. On two busy cores 2.7 times as fast as the whole
// matrix; 2.0 with half as many, 2.8 with twice as many.
constexpr std::int64_t kTile = 4096;

/// The mean over the queries of lse(positive and queue) - positive, on the products of unit rows.
/// What the forward pass streams over the queue is all that the gradient needs: the mean of the keys
/// under each query's softmax.
struct AgainstQueue final : torch::autograd::Function<AgainstQueue> {
  static at::Tensor forward(torch::autograd::AutogradContext* context,
                            const at::Tensor& q_ND,
                            const at::Tensor& positive_ND,
                            const at::Tensor& queue_MD,
                            double temperature) {
    const at::Tensor scaled_ND = q_ND / temperature;
    const at::Tensor logit_N1 = (scaled_ND * positive_ND).sum(1, /*keepdim=*/true);
    // The stream starts with the positive; sum and mean are in units of exp(max).
    at::Tensor max_N1 = logit_N1.clone(), sum_N1 = at::ones_like(logit_N1);
    const at::Tensor mean_ND = positive_ND.clone();
    for (std::int64_t first = 0; first < queue_MD.size(0); first += kTile) {
      const at::Tensor keys = queue_MD.narrow(0, first, std::min(kTile, queue_MD.size(0) - first));
      const at::Tensor part = scaled_ND.matmul(keys.t());
      const at::Tensor higher_N1 = max_N1.maximum(part.amax({1}, /*keepdim=*/true));
      const at::Tensor keep_N1 = (max_N1 - higher_N1).exp();
      part.sub_(higher_N1).exp_();
      sum_N1.mul_(keep_N1).add_(part.sum(1, /*keepdim=*/true));
      mean_ND.mul_(keep_N1).addmm_(part, keys);
      max_N1 = higher_N1;
    }
    mean_ND.div_(sum_N1);
    const at::Tensor loss_N1 = max_N1 + sum_N1.log() - logit_N1;
    context->save_for_backward({q_ND, positive_ND, mean_ND, (-loss_N1).exp()});
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
                          double temperature) {
  check(q_ND, k_MD, temperature);
  const std::int64_t rows = q_ND.size(0);
  if (first_positive < 0 || first_positive + rows > k_MD.size(0))
    throw UsageError("info_nce_batch must have a positive among the keys for each query");
  const FullPrecision full(q_ND.device());
  const at::Tensor logits_NM = unit_rows(q_ND).matmul(unit_rows(k_MD).t()) / temperature;
  const at::Tensor positive_N = logits_NM.narrow(1, first_positive, rows).diagonal();
  return (logits_NM.logsumexp({1}) - positive_N).mean();
}

}  // namespace sslrun::ops
