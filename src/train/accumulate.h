// The passes of a step: its loss and its gradient, a micro-batch at a time.
#pragma once
#include "dist/world.h"
#include "methods/method.h"
#include "ops/autocast.h"

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

namespace sslrun::train {

/// Images as methods::Method::forward() and methods::StepContext take them.
struct MicroBatch {
  std::vector<at::Tensor> views, targets;
  std::span<const std::int64_t> samples;
  at::Tensor labels;
};

/// What the passes of one step are made of.
struct StepPasses {
  methods::Method& method;
  dist::World& world;
  at::Device device;
  ops::Precision precision;
  std::uint32_t seed;
  methods::Progress progress;
  bool diagnose;
  std::int64_t micro_batches;
  std::function<MicroBatch(std::int64_t)> micro_batch;  // the same each time it is asked for
  std::function<void()> before_last;                    // called ahead of the last backward pass
};

struct StepLoss {
  double loss = 0;
  methods::StepResult result;
};

/// Each micro-batch has its own loss: adds the gradient of their mean to the parameters' gradients.
/// Answer: that mean, and the result of the last micro-batch.
StepLoss accumulate_micro(const StepPasses& passes);

/// One loss over all micro-batches, of a methods::ContrastiveMethod: adds its gradient to the
/// parameters' gradients, with the memory of one micro-batch and that of all embeddings. A first pass
/// without a graph makes the embeddings, the loss gives the gradient of each, and a second pass takes
/// it on to the parameters. Answer: the loss and the result of the whole.
/// numerics  those of the undivided batch where the networks do not couple images. Batch norm has the
///           statistics of each micro-batch; its running ones move once for each of them.
/// source    Gao et al. 2021, arXiv:2101.06983, section 3.2; luyug/GradCache grad_cache.py.
StepLoss accumulate_full(const StepPasses& passes);

}  // namespace sslrun::train
