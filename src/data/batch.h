// What the loader hands to the training step.
#pragma once
#include "data/byte_pack.h"

#include <cstdint>
#include <memory>
#include <memory_resource>
#include <vector>

namespace sslrun::data {

/// Pixels of one view of a batch's images, in memory that the loader's owner chose.
using ViewBuffer = std::pmr::vector<float>;

/// One rank's share of one step. shapes: views[v] [slots, pictures_v, H_v, W_v, C] float32 (NHWC);
/// targets[v] [slots, T_v], the classes of that view's pictures that a method is to predict, T_v = 0
/// for most; samples [slots]; labels [slots], or empty where the data has none. samples are the
/// images really read: a bad one's replacement. pack: what a work packs in place of the views, or
/// null; copies of a batch share it.
struct Batch {
  std::int64_t epoch = 0;
  std::int64_t step = 0;  // counted from the start of the run, not of the epoch
  std::int64_t num_replaced = 0;
  std::vector<ViewBuffer> views;
  std::vector<std::vector<std::int64_t>> targets;
  std::shared_ptr<BytePack> pack;
  std::vector<std::int64_t> samples;
  std::vector<std::int64_t> labels;
};

}  // namespace sslrun::data
