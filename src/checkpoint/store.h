// The checkpoints of one run:  RUN/checkpoints/step-00001000/{model,optimizer}.safetensors,
// state.json, MANIFEST.json
#pragma once
#include "nn/module.h"

#include <cstdint>
#include <filesystem>
#include <functional>
#include <limits>
#include <optional>
#include <string>

namespace sslrun::checkpoint {

/// What a run needs to go on.
struct Snapshot {
  nn::NamedTensors model;      // parameters and buffers
  nn::NamedTensors optimizer;  // may be empty
  std::string state;           // JSON: everything else
};

/// A snapshot as the bytes of its files. A later one that is put into the same object takes no new
/// memory.
struct Files {
  std::int64_t step = 0;
  std::string model, optimizer, state;
};

/// Copies the tensors of `snapshot` from wherever they are: they may change as soon as it returns.
void encode(std::int64_t step, const Snapshot& snapshot, Files& out);

/// "step-00001000".
std::string name_of(std::int64_t step);

struct Loaded {
  std::int64_t step = 0;
  std::filesystem::path folder;
  Snapshot snapshot;  // tensors on the CPU, sorted by name
};

/// Reads one checkpoint folder; every byte is verified before any is used.
/// errors    CheckpointError, which names the file that is damaged and how.
Loaded load_checkpoint(const std::filesystem::path& folder);

/// Writes checkpoints so that a crash at any moment leaves the earlier ones whole, and finds the
/// newest good one again. One process writes at a time (the run's lock sees to it).
class CheckpointStore {
 public:
  /// keep_last: how many of the newest stay on disk, 2 or more (UsageError). may_publish: throws
  /// where another process has taken the run over; asked before every rename and removal. Null: none
  /// can.
  CheckpointStore(const std::filesystem::path& run_folder,
                  std::int64_t keep_last,
                  std::function<void()> may_publish = nullptr);

  /// Writes step-%08d: under a temporary name, fsynced, renamed, the folder fsynced; `latest` then
  /// names it and older ones go. The newest checkpoint that verifies is never removed. A checkpoint
  /// of the same step is replaced. Returns its folder.
  /// errors    StorageError: nothing that was there before is lost, and the partial folder is
  ///           removed.
  std::filesystem::path write(const Files& files) const;
  std::filesystem::path save(std::int64_t step, const Snapshot& snapshot) const;

  /// The newest checkpoint of a step up to `last_step` that verifies; none when there never was one.
  /// Each newer, damaged one is named by a warning.
  /// errors    CheckpointError when there are checkpoints and none is whole.
  std::optional<Loaded> load_latest(
      std::int64_t last_step = std::numeric_limits<std::int64_t>::max()) const;

 private:
  void remove_old() const;
  void require_right() const;

  std::filesystem::path folder_;
  std::int64_t keep_last_;
  std::function<void()> may_publish_;
};

}  // namespace sslrun::checkpoint
