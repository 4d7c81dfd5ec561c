// The command `sslrun replay`.
#pragma once
#include <cstdint>
#include <string>

namespace sslrun::train {

struct ReplayOptions {
  std::string run;
  std::int64_t step = 0;  // counted from 1
  std::string devices = "auto";
  bool json = false;
};

/// Runs a run's step again, from the nearest checkpoint before it or from the start, and prints its
/// loss, its gradient's norm, its samples, and whether they equal the record in metrics.jsonl. Writes
/// nothing to the run folder.
/// errors    UsageError for a folder that holds no run or a step that it has not; DataError where its
///           images have changed; CheckpointError, DeviceError.
void replay(const ReplayOptions& options);

}  // namespace sslrun::train
