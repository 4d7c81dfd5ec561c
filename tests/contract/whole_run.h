// Whole runs of a shipped recipe, by one rank or several, as `sslrun pretrain` has them.
#pragma once
#include "ops/threads.h"
#include "recipe/load.h"
#include "tests/data/support.h"
#include "tests/dist/ranks.h"
#include "train/rollback.h"

#include <ATen/TensorOperators.h>

#include <nlohmann/json.hpp>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace sslrun::test {

/// A shipped recipe with 12 images an epoch, one step of which every one is logged; plain SGD without
/// decay, whose momentum is the sum of the gradients.
struct WholeRun {
  WholeRun(const std::string& method, const std::vector<std::string>& more) {
    std::vector<std::string> overrides = {
        "data.train=synthetic:12x40",
        "train.batch_size=12",
        "train.precision=fp32",
        "train.workers=1",
        "eval.knn=false",
        "optimizer={name: sgd, lr: 0.01, momentum: 0.9, weight_decay: 0}",
        "schedule={epochs: 2, warmup_epochs: 0, decay: constant}"};
    overrides.insert(overrides.end(), more.begin(), more.end());
    loaded = recipe::load_recipe(SSLRUN_TEST_DIR "/../configs/" + method + ".yaml", overrides);
    data = recipe::open_data(loaded);
  }

  recipe::LoadedRecipe loaded;
  recipe::OpenedData data;
};

using Wrap = std::function<std::unique_ptr<dist::World>(dist::World&)>;

/// One sitting of a run in `folder` by so many ranks, each in a world that `wrap` makes of its own.
inline void sit(const WholeRun& run,
                const std::filesystem::path& folder,
                std::int64_t ranks,
                const Wrap& wrap = {}) {
  ops::use_threads(1);
  const auto body = [&](dist::World& plain) {
    const std::unique_ptr<dist::World> wrapped = wrap ? wrap(plain) : nullptr;
    dist::World& world = wrapped ? *wrapped : plain;
    std::optional<train::RunFolder> own;
    if (world.rank() == 0) own.emplace(folder);
    world.barrier();
    const checkpoint::CheckpointStore store(folder, 2);
    auto saved = store.load_latest();
    train::RunState start = train::fingerprints(run.loaded, run.data);
    if (saved) start = train::decode_state(saved->snapshot.state);
    train::train_to_end(
        {run.loaded, run.data, own ? &*own : nullptr, world, at::kCPU, ops::Precision::kFp32},
        store,
        start,
        std::move(saved));
  };
  if (ranks == 1) return body(*dist::single_world());
  run_ranks(ranks, body);
}

/// What a run leaves behind.
struct Outcome {
  explicit Outcome(const std::filesystem::path& folder)
      : saved(checkpoint::CheckpointStore(folder, 2).load_latest().value()) {
    const std::filesystem::path early = folder / "checkpoints" / "step-00000001";
    if (std::filesystem::exists(early)) first = checkpoint::load_checkpoint(early);
    std::ifstream in(folder / "metrics.jsonl");
    for (std::string line; std::getline(in, line);) records.push_back(nlohmann::json::parse(line));
  }

  std::vector<nlohmann::json> records;
  checkpoint::Loaded first, saved;  // after a step, where that is still there; at the end
};

/// Length of the difference over the length of b, all tensors together.
inline double distance(const nn::NamedTensors& a, const nn::NamedTensors& b) {
  double difference = 0, scale = 0;
  for (std::size_t i = 0; i < b.size(); ++i) {
    if (!b[i].second.is_floating_point()) continue;
    const at::Tensor wide = b[i].second.to(at::kDouble);
    difference += (a[i].second.to(at::kDouble) - wide).square().sum().item<double>();
    scale += wide.square().sum().item<double>();
  }
  return std::sqrt(difference / scale);
}

}  // namespace sslrun::test
