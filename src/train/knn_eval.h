// k-NN on clean features during training.
#pragma once
#include "encoders/encoder.h"

#include <optional>

namespace sslrun::train {

struct TrainerDeps;

/// Accuracy of weighted k-NN on the features of data.val against those of data.train, as the recipe's
/// eval.knn says. Each rank makes the features of its share of both and compares its share of data.val
/// with all of data.train, whose features every rank holds; the answer is that of all, the same on
/// each. Nothing where a stop signal came to any rank meanwhile.
std::optional<double> knn_top1(encoders::Encoder& encoder, const TrainerDeps& deps);

}  // namespace sslrun::train
