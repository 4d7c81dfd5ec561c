#include "train/rollback.h"

#include "base/error.h"
#include "base/log.h"
#include "dist/exchange.h"
#include "dist/world.h"
#include "train/nonfinite.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <exception>
#include <iterator>
#include <utility>

namespace sslrun::train {
namespace {

/// Batches left out at the first, second and third time. Training is deterministic: where the weights
/// are at fault and not the batch, the batch after it fails just so.
constexpr std::array<std::int64_t, 3> kLeftOut = {1, 10, 100};

/// Every rank goes on from the same step, or from the start.
void require_same_start(std::int64_t step, const TrainerDeps& deps) {
  const double own[] = {static_cast<double>(step)};
  const auto all = dist::exchange(own, deps.world, deps.device);
  for (std::size_t rank = 0; rank < all.size(); ++rank) {
    if (all[rank] == all[0]) continue;
    throw CheckpointError(
        fmt::format("all processes must go on from the same checkpoint, and rank {} is at step {}, "
                    "rank 0 at step {}; give a run folder on storage that all machines see",
                    rank,
                    all[rank][0],
                    all[0][0]));
  }
}

/// How many steps the weights of a checkpoint have taken.
std::int64_t applied(const RunState& state) {
  return state.step - std::distance(state.left_out.begin(), state.left_out.upper_bound(state.step));
}

/// How often a run has gone back since it last gained a step.
struct Rollbacks {
  std::int64_t applied = -1;  // steps, of the checkpoint
  std::size_t times = 0;
};

/// The checkpoint to go on from; `state` becomes what it holds, with what is left out now.
checkpoint::Loaded go_back(const TrainerDeps& deps,
                           const NonfiniteError& error,
                           const checkpoint::CheckpointStore& store,
                           Rollbacks& rollbacks,
                           RunState& state) {
  auto found = store.load_latest();
  if (!found) {
    throw NumericsError(fmt::format(
        "{}, and there is no checkpoint to go back to; {}", error.what(), kNonfiniteAdvice));
  }
  RunState saved = decode_state(found->snapshot.state);
  if (applied(saved) > rollbacks.applied) rollbacks = {.applied = applied(saved)};
  if (rollbacks.times == kLeftOut.size()) {
    throw NumericsError(fmt::format("{}, and going back to {} has not helped {} times; {}",
                                    error.what(),
                                    checkpoint::name_of(found->step),
                                    rollbacks.times,
                                    kNonfiniteAdvice));
  }
  const std::int64_t first = std::max(found->step, error.step() - kLeftOut[rollbacks.times]) + 1;
  ++rollbacks.times;
  for (std::int64_t step = first; step <= error.step(); ++step) state.left_out.insert(step);
  saved.left_out.merge(state.left_out);
  state = std::move(saved);
  if (deps.folder != nullptr) {
    log::warn("{}; going back to {} and on without the batches of steps {} to {}",
              error.what(),
              checkpoint::name_of(found->step),
              first,
              error.step());
  }
  return *std::move(found);
}

}  // namespace

TrainingEnd train_to_end(const TrainerDeps& deps,
                         const checkpoint::CheckpointStore& store,
                         RunState start,
                         std::optional<checkpoint::Loaded> from) {
  std::optional<Trainer> trainer;
  try {
    for (Rollbacks rollbacks;;) {
      require_same_start(start.step, deps);
      trainer.emplace(deps, start, from ? &from->snapshot : nullptr);
      from.reset();  // copied
      try {
        const int signal = trainer->run();
        return {signal, trainer->state(), trainer->total_steps()};
      } catch (const NonfiniteError& e) {
        trainer->stop_saving();
        deps.world.barrier();  // the first rank writes no more
        start = trainer->state();
        from = go_back(deps, e, store, rollbacks, start);
      }
    }
  } catch (const std::exception& e) {
    if (trainer) trainer->note_failure(e.what());
    throw;
  }
}

}  // namespace sslrun::train
