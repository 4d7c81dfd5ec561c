// Training that goes back to a checkpoint where the recipe wants that.
#pragma once
#include "checkpoint/store.h"
#include "train/run_state.h"
#include "train/trainer.h"

#include <cstdint>
#include <optional>

namespace sslrun::train {

/// How training ended.
struct TrainingEnd {
  int signal = 0;  // 0: all steps are done
  RunState state;
  std::int64_t total_steps = 0;
};

/// Trains as Trainer::run does, from `start` and the checkpoint `from` where there is one. With
/// train.on_nonfinite: rollback a step that is not finite makes all ranks go back to the newest whole
/// checkpoint of `store` and take its steps again without the batch of that step, then, where that leads
/// to another such step, without those of the last 10, then of the last 100. What is left out stands in
/// the run's state: a later resume leaves it out too.
/// errors    as Trainer::run; NumericsError too where there is no checkpoint, or the third time did not
///           help. status.json has the reason.
TrainingEnd train_to_end(const TrainerDeps& deps,
                         const checkpoint::CheckpointStore& store,
                         RunState start,
                         std::optional<checkpoint::Loaded> from);

}  // namespace sslrun::train
