// What a checkpoint costs the training that it is taken of.
#include "bench/case.h"
#include "bench/temp_folder.h"
#include "checkpoint/store.h"

#include <ATen/core/Tensor.h>
#include <ATen/ops/full.h>
#include <torch/version.h>

#include <fmt/format.h>

#include <memory>

namespace sslrun::bench {
namespace {

/// 84 parameters of 2^20 floats and two moments of each: 1.06 GB.
checkpoint::Snapshot make_state() {
  constexpr std::int64_t kParameters = 84, kSide = 1024;
  checkpoint::Snapshot out{.model = {}, .optimizer = {}, .state = "{}"};
  for (std::int64_t i = 0; i < kParameters; ++i) {
    const auto tensor = [i](double value) {
      return at::full({kSide, kSide}, value + static_cast<double>(i));
    };
    out.model.emplace_back(fmt::format("encoder.{}", i), tensor(0.1));
    out.optimizer.emplace_back(fmt::format("exp_avg.{}", i), tensor(0.2));
    out.optimizer.emplace_back(fmt::format("exp_avg_sq.{}", i), tensor(0.3));
  }
  return out;
}

Prepared prepare(const CaseSettings&) {
  struct Place {
    TempFolder folder;
    checkpoint::Snapshot state = make_state();
    checkpoint::CheckpointStore store{folder.path(), 2};
    checkpoint::Files files;
    std::int64_t step = 0;
  };

  const auto place = std::make_shared<Place>();
  const auto snapshot = [place] { checkpoint::encode(++place->step, place->state, place->files); };
  const auto whole = [place, snapshot] {
    snapshot();
    place->store.write(place->files);
  };
  return {.contenders = {{.tool = "sslrun", .suffix = "", .once = snapshot},
                         {.tool = "sslrun", .suffix = "_synchronous", .once = whole}},
          .note = fmt::format("copy to memory, and with writing to '{}' and verifying",
                              place->folder.path().parent_path().string()),
          .versions = {{"libtorch", TORCH_VERSION}}};
}

}  // namespace

extern const Case case_checkpoint_1gb{
    "checkpoint_1gb",
    "checkpoint",
    "ms",
    "A training step's wait for a checkpoint of 1 GB, beside writing it before it goes on",
    Memory::kExtra,
    prepare};

}  // namespace sslrun::bench
