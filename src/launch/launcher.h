// Several processes of this program on one machine.
#pragma once
#include <chrono>
#include <string>
#include <vector>

namespace sslrun::launch {

struct Outcome {
  int status = 0;  // exit status: 0, the stop status of the ranks, or that of the first failure
  std::string
      words;  // on the first failure: which rank, how, its last words; empty where none failed
};

/// Starts `count` processes of `command`, each with its place in SSLRUN_*, and waits for them. Rank 0
/// writes where this process does; the output of the others is kept for the words. SIGINT, SIGTERM,
/// SIGUSR1, SIGUSR2 and SIGHUP go on to all ranks. When a rank fails the others get SIGTERM, and after
/// `grace` SIGKILL; the failure told is the first that is not the loss of another rank (status 9). The
/// ranks die with this process, however it ends.
/// errors    PeerError where the system gives no process or port.
Outcome run_ranks(const std::vector<std::string>& command,
                  int count,
                  std::chrono::milliseconds grace);

/// The command line of this process, its program by path.
std::vector<std::string> own_command();

}  // namespace sslrun::launch
