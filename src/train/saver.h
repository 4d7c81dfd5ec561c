// When a run's checkpoints are written, and on which thread.
#pragma once
#include "base/background.h"
#include "checkpoint/store.h"

#include <cstdint>
#include <functional>
#include <limits>
#include <optional>
#include <string>

namespace sslrun::train {

/// How often a checkpoint is due: whichever comes first.
struct SaveInterval {
  std::int64_t steps = 1;
  double seconds = 0;
};

/// What to tell where memory may not hold the copy of a state of so many bytes, beside gradients of
/// their size at most, of which `free` bytes are left; nothing where it does, or where free is 0, not
/// known.
std::optional<std::string> low_memory_verdict(std::int64_t state_bytes, std::int64_t free_bytes);

/// Writes a run's checkpoints. Training waits for the copy of its state to memory that is kept for
/// it; a thread writes that copy, one at a time: a save that falls due meanwhile is taken at the
/// first step after which the thread is free. A write that the storage refuses costs a warning and
/// is tried again, at the latest after a minute; the checkpoints before it stand.
class Saver {
 public:
  struct Start {
    std::string newest;  // the checkpoint that the run goes on from; empty: none
    double now_s = 0;    // of the run's time
  };

  /// before_write: called first in every write, on its thread.
  Saver(checkpoint::CheckpointStore store,
        SaveInterval interval,
        Start start,
        std::function<void()> before_write);

  /// After each step, at `now_s` of the run's time: whether a snapshot is to be taken now.
  bool due(std::int64_t step, double now_s);

  /// Takes the snapshot of `step` and returns; none may be under way (due() says so).
  void start(std::int64_t step, const checkpoint::Snapshot& snapshot, double now_s);

  /// Returns when the state of `step` is on disk, having written it now unless it was there.
  /// errors    StorageError after three tries within seconds; the message names what stands.
  void finish(std::int64_t step, const checkpoint::Snapshot& snapshot, double now_s);

  /// Why writing began to be refused: the reason, with what to do; once per time of trouble.
  std::optional<std::string> take_trouble();

  /// Seconds that the longest write took so far.
  double write_s() const { return write_s_; }

  /// The newest checkpoint of the run, "step-00001000"; empty: none.
  const std::string& newest() const { return newest_; }

 private:
  /// What came of the write that is over.
  void collect(double now_s);
  void take(std::int64_t step, const checkpoint::Snapshot& snapshot, double now_s);

  checkpoint::CheckpointStore store_;
  SaveInterval interval_;
  std::function<void()> before_write_;
  checkpoint::Files files_;                 // what the thread reads while it writes
  std::int64_t taken_ = -1, written_ = -1;  // steps
  double write_s_ = 0, running_s_ = 0;      // the second: of the write under way, once it is over
  double taken_at_s_, retry_at_s_ = std::numeric_limits<double>::infinity();
  bool wanted_ = false, refused_ = false;
  std::optional<std::string> trouble_;
  std::string newest_;
  Background writer_;  // last: its thread uses what is above
};

}  // namespace sslrun::train
