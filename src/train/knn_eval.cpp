#include "train/knn_eval.h"

#include "base/stop_signal.h"
#include "dist/exchange.h"
#include "eval/features.h"
#include "eval/knn.h"
#include "ops/step.h"
#include "train/diagnose.h"
#include "train/trainer.h"
#include "views/eval_transform.h"

#include <ATen/ops/zeros.h>

#include <algorithm>
#include <cstdint>
#include <numeric>
#include <vector>

namespace sslrun::train {
namespace {

constexpr std::int64_t kEvalBatch = 256;

/// The rank-th of size nearly equal runs of the samples.
std::vector<std::int64_t> share_of(const std::vector<std::int64_t>& samples,
                                   const dist::World& world) {
  const auto count = static_cast<std::int64_t>(samples.size());
  const std::int64_t first = count * world.rank() / world.size(),
                     last = count * (world.rank() + 1) / world.size();
  return {samples.begin() + first, samples.begin() + last};
}

std::vector<std::int64_t> all_of(const data::Source& source) {
  std::vector<std::int64_t> samples(static_cast<std::size_t>(source.size()));
  std::iota(samples.begin(), samples.end(), 0);
  return samples;
}

/// From now on every rank has the features of all.
void share_rows(eval::Features& features, std::int64_t width, const TrainerDeps& deps) {
  if (deps.world.size() == 1) return;
  const auto rows = static_cast<std::int64_t>(features.labels.size());
  const at::Tensor x_NF = rows > 0 ? features.x_NF : at::zeros({0, width});
  const at::Tensor labels_N = ops::classes_to(features.labels.data(), rows, 1, at::kCPU);
  features.x_NF = dist::gather_rows(x_NF, deps.world, deps.device);
  const at::Tensor all_N = dist::gather_rows(labels_N, deps.world, deps.device).contiguous();
  const auto* const labels = all_N.const_data_ptr<std::int64_t>();
  features.labels.assign(labels, labels + all_N.numel());
}

}  // namespace

std::optional<FeatureScore> score_features(encoders::Encoder& encoder, const TrainerDeps& deps) {
  const recipe::Recipe& recipe = deps.loaded.recipe;
  const views::Pipeline pipeline(
      recipe.augmentations, static_cast<std::uint32_t>(recipe.train.seed), recipe.data.channels);
  const views::EvalTransform transform(pipeline.crop_side(0), pipeline.stats(0));
  const auto extract = [&](const data::Source& source, const std::vector<std::int64_t>& samples) {
    if (samples.empty()) return eval::Features{};
    return eval::extract_features(encoder,
                                  source,
                                  transform,
                                  {.batch_size = kEvalBatch,
                                   .precision = deps.precision,
                                   .device = deps.device,
                                   .samples = samples,
                                   .progress = {},
                                   .stop = [] { return stop_signal() != 0; }});
  };
  const data::Source &train = *deps.data.train, &val = *deps.data.val;
  const eval::Features query = extract(val, share_of(all_of(val), deps.world));
  const auto bank_samples =
      recipe.knn.bank ? eval::draw_samples(train.size(), std::min(*recipe.knn.bank, train.size()))
                      : all_of(train);
  eval::Features bank = extract(train, share_of(bank_samples, deps.world));
  const double stopped[] = {static_cast<double>(stop_signal())};
  for (const auto& rank : dist::exchange(stopped, deps.world, deps.device))
    if (rank[0] != 0) return std::nullopt;  // features of a part only: the resumed run evaluates
  share_rows(bank, encoder.width(), deps);
  const auto compared = static_cast<double>(query.labels.size());
  double right = 0;
  if (compared > 0) {
    const eval::KnnResult result = eval::knn(bank, query, {recipe.knn.k}, {recipe.knn.temperature});
    right = result.table.front().top1 * compared;
  }
  const double own[] = {right, compared};
  double all_right = 0, all_compared = 0;
  for (const auto& rank : dist::exchange(own, deps.world, deps.device)) {
    all_right += rank[0];
    all_compared += rank[1];
  }
  return FeatureScore{.knn_top1 = all_right / all_compared, .ranks = describe_features(bank.x_NF)};
}

}  // namespace sslrun::train
