// Predicting classes.  N rows, K classes.
#pragma once

namespace at {
class Tensor;
}

namespace sslrun::ops {

/// The mean over the rows of -log softmax(logits)[class].
/// shapes    logits_NK [N, K], classes_N [N] int64 in 0 .. K - 1. Answer: a scalar in float32, or
///           float64 for float64.
/// errors    UsageError for other shapes.
at::Tensor cross_entropy(const at::Tensor& logits_NK, const at::Tensor& classes_N);

/// The share of the rows whose largest logit is that of their class: a float32 scalar without a graph.
/// shapes    as above.
at::Tensor top1(const at::Tensor& logits_NK, const at::Tensor& classes_N);

}  // namespace sslrun::ops
