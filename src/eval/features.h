// Features of a data set.  N images, F features.
#pragma once
#include "data/source.h"
#include "encoders/encoder.h"
#include "ops/autocast.h"
#include "views/eval_transform.h"

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <vector>

namespace sslrun::eval {

struct Features {
  at::Tensor x_NF;                   // float32, CPU
  std::vector<std::int64_t> labels;  // one per row; empty where the data has none
  std::int64_t num_bad = 0;          // images that could not be read: they have no row
};

struct ExtractOptions {
  std::int64_t batch_size = 256;
  ops::Precision precision = ops::Precision::kFp32;
  at::Device device = at::kCPU;
  /// Which images, in this order; empty: all.
  std::vector<std::int64_t> samples = {};
  /// Called between batches with the images done; may be empty.
  std::function<void(std::int64_t done, std::int64_t total)> progress = {};
  /// Ends the work between batches; the answer then holds what was done.
  std::function<bool()> stop = {};
};

/// `count` of the images 0 .. size - 1, the same ones every time, in ascending order. 1 <= count <=
/// size.
std::vector<std::int64_t> draw_samples(std::int64_t size, std::int64_t count);

/// What the encoder makes of clean images, in evaluation mode, without a graph; the encoder's mode
/// is put back afterwards. Images are read and resized by all compute threads while the network
/// works on the batch before.
/// errors    DataError where no image can be read.
Features extract_features(encoders::Encoder& encoder,
                          const data::Source& source,
                          const views::EvalTransform& transform,
                          const ExtractOptions& options);

}  // namespace sslrun::eval
