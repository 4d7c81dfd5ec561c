#include "eval/linear_probe.h"

#include "base/error.h"
#include "base/permutation.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/baddbmm.h>
#include <ATen/ops/bmm.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/softmax.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numbers>

namespace sslrun::eval {
namespace {

constexpr double kMomentum = 0.9;
constexpr std::int64_t kHeldOutShare = 10;  // one row in ten
constexpr std::int64_t kMinRows = 20;
constexpr std::int64_t kScoreRows = 4096;

at::Tensor as_tensor(const std::vector<std::int64_t>& values) {
  return at::tensor(values, at::kLong);
}

/// G classifiers that share their batches.
class Heads {
 public:
  Heads(std::int64_t features, std::int64_t classes, const std::vector<double>& rates)
      : weight_GFC_(
            at::zeros({static_cast<std::int64_t>(rates.size()), features, classes}, at::kFloat)),
        bias_G1C_(at::zeros({static_cast<std::int64_t>(rates.size()), 1, classes}, at::kFloat)),
        weight_momentum_(at::zeros(weight_GFC_.sizes(), at::kFloat)),
        bias_momentum_(at::zeros(bias_G1C_.sizes(), at::kFloat)),
        rate_G11_(at::tensor(rates, at::kDouble).to(at::kFloat).view({-1, 1, 1})) {}

  at::Tensor logits(const at::Tensor& x_BF) const {
    const at::Tensor x_GBF =
        x_BF.unsqueeze(0).expand({weight_GFC_.size(0), x_BF.size(0), x_BF.size(1)});
    return at::baddbmm(bias_G1C_, x_GBF, weight_GFC_);
  }

  /// The gradient of softmax cross entropy, mean over the rows: x^T (p - y) / B.
  void step(const at::Tensor& x_BF, const at::Tensor& labels_B, double lr_factor) {
    at::Tensor d_GBC = at::softmax(logits(x_BF), 2);
    const at::Tensor y_GB1 = labels_B.view({1, -1, 1}).expand({d_GBC.size(0), d_GBC.size(1), 1});
    d_GBC.scatter_add_(2, y_GB1, at::zeros({1}, at::kFloat).sub(1).expand_as(y_GB1));
    d_GBC.div_(static_cast<double>(x_BF.size(0)));
    const at::Tensor xt_GFB =
        x_BF.t().unsqueeze(0).expand({d_GBC.size(0), x_BF.size(1), x_BF.size(0)});
    weight_momentum_.mul_(kMomentum).add_(at::bmm(xt_GFB, d_GBC));
    bias_momentum_.mul_(kMomentum).add_(d_GBC.sum(1, /*keepdim=*/true));
    const at::Tensor lr_G11 = rate_G11_ * lr_factor;
    weight_GFC_.sub_(weight_momentum_ * lr_G11);
    bias_G1C_.sub_(bias_momentum_ * lr_G11);
  }

  /// Share of the rows whose label is among the `places` largest logits, one per head. Of equal
  /// logits the smaller class counts first.
  std::vector<double> accuracy(const at::Tensor& x_NF,
                               const at::Tensor& labels_N,
                               std::int64_t places) const {
    at::Tensor hits_G = at::zeros({weight_GFC_.size(0)}, at::kLong);
    for (std::int64_t begin = 0; begin < x_NF.size(0); begin += kScoreRows) {
      const std::int64_t rows = std::min(kScoreRows, x_NF.size(0) - begin);
      const at::Tensor l_GBC = logits(x_NF.narrow(0, begin, rows));
      const at::Tensor y_GB1 =
          labels_N.narrow(0, begin, rows).view({1, -1, 1}).expand({l_GBC.size(0), rows, 1});
      const at::Tensor own_GB1 = l_GBC.gather(2, y_GB1);
      const at::Tensor class_C = at::zeros({l_GBC.size(2)}, at::kLong).add(1).cumsum(0).sub(1);
      const at::Tensor before_GBC =
          (l_GBC > own_GB1).logical_or((l_GBC == own_GB1).logical_and(class_C < y_GB1));
      hits_G += (before_GBC.sum(2) < places).sum(1);
    }
    std::vector<double> out;
    for (std::int64_t g = 0; g < hits_G.size(0); ++g) {
      out.push_back(hits_G[g].item<double>() / static_cast<double>(x_NF.size(0)));
    }
    return out;
  }

 private:
  at::Tensor weight_GFC_, bias_G1C_, weight_momentum_, bias_momentum_, rate_G11_;
};

}  // namespace

ProbeResult linear_probe(const Features& train, const Features& val, const ProbeOptions& options) {
  if (train.labels.empty() || val.labels.empty()) {
    throw DataError(
        "a linear probe must have labels on both sides: class folders, shards with .cls members, "
        "IDX or CIFAR files");
  }
  const auto rows = static_cast<std::int64_t>(train.labels.size());
  if (rows < kMinRows)
    throw DataError(fmt::format(
        "a linear probe must have at least {} training images, got {}", kMinRows, rows));
  const at::NoGradGuard no_grad;
  const std::int64_t classes =
      1 + std::max(*std::max_element(train.labels.begin(), train.labels.end()),
                   *std::max_element(val.labels.begin(), val.labels.end()));
  // The first tenth of a permutation is held out; epochs of the others count from 1.
  std::vector<std::int64_t> held, kept;
  const Permutation split(options.seed, 0, rows);
  for (std::int64_t i = 0; i < rows; ++i)
    (i < rows / kHeldOutShare ? held : kept).push_back(split(i));

  const at::Tensor kept_K = as_tensor(kept), held_H = as_tensor(held);
  const at::Tensor seen_KF = train.x_NF.index_select(0, kept_K);
  const at::Tensor mean_F = seen_KF.mean(0),
                   scale_F = seen_KF.std(0, /*unbiased=*/false).clamp_min(1e-6);
  const at::Tensor x_KF = (seen_KF - mean_F) / scale_F;
  const at::Tensor held_HF = (train.x_NF.index_select(0, held_H) - mean_F) / scale_F;
  const at::Tensor val_MF = (val.x_NF - mean_F) / scale_F;
  const at::Tensor labels_N = as_tensor(train.labels);
  const at::Tensor y_K = labels_N.index_select(0, kept_K);

  Heads heads(train.x_NF.size(1), classes, options.learning_rates);
  const auto num_kept = static_cast<std::int64_t>(kept.size());
  const std::int64_t batch = std::min(options.batch_size, num_kept);
  const std::int64_t steps = num_kept / batch, total = steps * options.epochs;
  for (std::int64_t epoch = 0; epoch < options.epochs; ++epoch) {
    const Permutation order(options.seed, static_cast<std::uint32_t>(epoch + 1), num_kept);
    std::vector<std::int64_t> places(static_cast<std::size_t>(steps * batch));
    for (std::size_t i = 0; i < places.size(); ++i) places[i] = order(static_cast<std::int64_t>(i));
    const at::Tensor order_S = as_tensor(places);
    for (std::int64_t s = 0; s < steps; ++s) {
      const at::Tensor at_B = order_S.narrow(0, s * batch, batch);
      const double done = static_cast<double>(epoch * steps + s) / static_cast<double>(total);
      heads.step(x_KF.index_select(0, at_B),
                 y_K.index_select(0, at_B),
                 0.5 * (1 + std::cos(std::numbers::pi * done)));
    }
    if (options.progress) options.progress(epoch + 1);
  }

  const auto held_top1 = heads.accuracy(held_HF, labels_N.index_select(0, held_H), 1);
  const at::Tensor val_labels_M = as_tensor(val.labels);
  const auto top1 = heads.accuracy(val_MF, val_labels_M, 1),
             top5 = heads.accuracy(val_MF, val_labels_M, 5);
  ProbeResult result{.table = {},
                     .chosen = 0,
                     .train_images = num_kept,
                     .held_out_images = static_cast<std::int64_t>(held.size()),
                     .val_images = static_cast<std::int64_t>(val.labels.size())};
  for (std::size_t g = 0; g < options.learning_rates.size(); ++g) {
    result.table.push_back({options.learning_rates[g], held_top1[g], top1[g], top5[g]});
    if (held_top1[g] > result.table[result.chosen].held_out_top1) result.chosen = g;
  }
  return result;
}

}  // namespace sslrun::eval
