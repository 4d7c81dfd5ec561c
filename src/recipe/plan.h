#pragma once
#include "recipe/load.h"

#include <cstdint>

namespace sslrun::recipe {

/// What a recipe comes to on its data.
struct Plan {
  std::int64_t train_images = 0, train_classes = 0;  // classes: 0 without labels
  std::int64_t val_images = 0, val_classes = 0;      // 0 without data.val
  std::int64_t views = 0;                            // of each image
  std::int64_t steps_per_epoch = 0;                  // whole batches
  std::int64_t total_steps = 0, warmup_steps = 0;
  double peak_lr = 0;
  bool knn = false;  // evaluated during training
};

Plan make_plan(const Recipe& recipe, const OpenedData& data);

}  // namespace sslrun::recipe
