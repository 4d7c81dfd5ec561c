// What clean features are worth, during training.
#pragma once
#include "encoders/encoder.h"

#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace sslrun::train {

struct TrainerDeps;

struct FeatureScore {
  double knn_top1 = 0;
  std::vector<std::pair<std::string, double>> ranks;  // describe_features of data.train
};

/// Accuracy of weighted k-NN on the features of data.val against those of data.train, as the recipe's
/// eval.knn says. Each rank makes the features of its share of both and compares its share of data.val
/// with all of data.train, whose features every rank holds; the answer is that of all, the same on
/// each. Nothing where a stop signal came to any rank meanwhile.
std::optional<FeatureScore> score_features(encoders::Encoder& encoder, const TrainerDeps& deps);

}  // namespace sslrun::train
