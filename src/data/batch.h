// What the loader hands to the training step.
#pragma once
#include <cstdint>
#include <vector>

namespace sslrun::data {

/// One rank's share of one step. shapes: views[v] [slots, H_v, W_v, C] float32 (NHWC); samples
/// [slots]; labels [slots], or empty where the data has none. samples are the images really read: a
/// bad one's replacement.
struct Batch {
  std::int64_t epoch = 0;
  std::int64_t step = 0;  // counted from the start of the run, not of the epoch
  std::int64_t num_replaced = 0;
  std::vector<std::vector<float>> views;
  std::vector<std::int64_t> samples;
  std::vector<std::int64_t> labels;
};

}  // namespace sslrun::data
