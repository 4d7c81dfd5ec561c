// The command `sslrun pretrain`.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

namespace sslrun::dist {
class World;
}

namespace sslrun::train {

struct PretrainOptions {
  std::string recipe;
  std::vector<std::string> overrides;  // "a.b=c", in order
  std::string out;                     // empty: runs/<name of the recipe>
  std::string devices = "auto";        // of all processes, as launch::devices_of takes them
  std::string device;                  // of this one, as dist::open_device takes it
  std::int64_t ranks_here = 1;         // processes on this machine
  double peer_timeout = 10;            // minutes that a rank waits for another
  bool overwrite = false;              // start afresh in a folder that holds another run
  bool dry_run = false;                // check everything, write nothing
};

/// Trains, or goes on with, the run of a recipe, as one rank of a world; the first one keeps the run
/// folder and speaks, on stderr. threads: of this process's share of the machine; all ranks compute
/// with the least of theirs, as the bits follow it. Returns the exit status, the same on all ranks: 0
/// done; stopped by a signal and saved: 130 or 143, 75 under a batch system.
/// errors    ConfigError, DataError, CheckpointError, NumericsError, StorageError, DeviceError,
///           PeerError.
int pretrain(const PretrainOptions& options, dist::World& world, int threads);

}  // namespace sslrun::train
