#include "train/accumulate.h"

#include "base/error.h"
#include "methods/contrastive_method.h"
#include "nn/batch_norm.h"
#include "nn/randomness.h"
#include "ops/rows.h"
#include "ops/step.h"
#include "train/kept_buffers.h"

#include <ATen/core/grad_mode.h>

#include <utility>

namespace sslrun::train {
namespace {

nn::NamedTensors running_statistics(nn::Module& network) {
  nn::NamedTensors out;
  network.for_each([&](nn::Module& part) {
    if (dynamic_cast<const nn::BatchNorm*>(&part) == nullptr) return;
    const nn::NamedTensors own = part.named_buffers();
    out.insert(out.end(), own.begin(), own.end());
  });
  return out;
}

/// Rows of several micro-batches: column i holds the i-th tensor of each.
using Columns = std::vector<std::vector<at::Tensor>>;

void append(const std::vector<at::Tensor>& tensors, Columns& columns) {
  columns.resize(tensors.size());
  for (std::size_t i = 0; i < tensors.size(); ++i) columns[i].push_back(tensors[i]);
}

std::vector<at::Tensor> joined(const Columns& columns) {
  std::vector<at::Tensor> out;
  for (const std::vector<at::Tensor>& parts : columns) out.push_back(ops::cat_rows(parts));
  return out;
}

/// What the loss sees of all micro-batches.
struct Seen {
  std::vector<at::Tensor> embeddings, keys;
  at::Tensor labels;
};

Seen first_pass(methods::ContrastiveMethod& method, const StepPasses& p) {
  const at::NoGradGuard no_grad;
  Columns embeddings, keys;
  std::vector<at::Tensor> labels;
  for (std::int64_t m = 0; m < p.micro_batches; ++m) {
    const MicroBatch batch = p.micro_batch(m);
    const ops::Autocast autocast(p.precision, p.device);
    const nn::Randomness randomness(p.seed, p.progress.epoch(), batch.samples);
    append(method.embed(batch.views), embeddings);
    append(method.keys(batch.views), keys);
    if (batch.labels.defined()) labels.push_back(batch.labels);
  }
  Seen seen{joined(embeddings), joined(keys), {}};
  for (at::Tensor& rows_ND : seen.embeddings) rows_ND.requires_grad_();
  if (!labels.empty()) seen.labels = ops::cat_rows(labels);
  return seen;
}

void second_pass(methods::ContrastiveMethod& method, const StepPasses& p, const Seen& seen) {
  for (std::int64_t m = 0; m < p.micro_batches; ++m) {
    const MicroBatch batch = p.micro_batch(m);
    const auto images = static_cast<std::int64_t>(batch.samples.size());
    std::vector<at::Tensor> embeddings, gradients;
    {
      const ops::Autocast autocast(p.precision, p.device);
      const nn::Randomness randomness(p.seed, p.progress.epoch(), batch.samples);
      embeddings = method.embed(batch.views);
    }
    for (const at::Tensor& rows_ND : seen.embeddings) {
      const at::Tensor& gradient = rows_ND.grad();
      gradients.push_back(gradient.defined() ? gradient.narrow(0, m * images, images) : gradient);
    }
    if (m + 1 == p.micro_batches) p.before_last();
    ops::backward_from(embeddings, gradients);
  }
}

}  // namespace

StepLoss accumulate_micro(const StepPasses& p) {
  StepLoss out;
  const auto parts = static_cast<double>(p.micro_batches);
  for (std::int64_t m = 0; m < p.micro_batches; ++m) {
    const MicroBatch batch = p.micro_batch(m);
    methods::StepResult result;
    {
      const ops::Autocast autocast(p.precision, p.device);
      const nn::Randomness randomness(p.seed, p.progress.epoch(), batch.samples);
      result = p.method.forward(
          batch.views,
          {p.world, p.progress, batch.samples, batch.targets, batch.labels, p.diagnose});
    }
    const bool last = m + 1 == p.micro_batches;
    if (last) p.before_last();
    ops::backward(result.loss, 1.0 / parts);
    out.loss += ops::value(result.loss) / parts;
    if (last) out.result = std::move(result);
  }
  return out;
}

StepLoss accumulate_full(const StepPasses& p) {
  auto* const method = dynamic_cast<methods::ContrastiveMethod*>(&p.method);
  check_invariant(method != nullptr, "a recipe asks for full negatives of a contrastive method");
  const Seen seen = first_pass(*method, p);
  KeptBuffers statistics(running_statistics(*method));
  statistics.keep();
  StepLoss out;
  {
    const ops::Autocast autocast(p.precision, p.device);
    out.result = method->compare(
        seen.embeddings, seen.keys, {p.world, p.progress, {}, {}, seen.labels, p.diagnose});
  }
  ops::backward(out.result.loss, 1.0);
  out.loss = ops::value(out.result.loss);
  second_pass(*method, p, seen);
  statistics.put_back();
  return out;
}

}  // namespace sslrun::train
