// The script that Slurm runs for a training.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

namespace sslrun::launch {

struct BatchJob {
  std::string name;                   // of the job, a word
  std::vector<std::string> command;   // what every rank runs
  std::string out;                    // the run folder
  std::int64_t nodes = 1, tasks = 1;  // tasks on each node: a rank each
  std::int64_t gpus = 0;              // on each node, one per task; 0: ranks compute on the CPU
  std::int64_t cpus = 0;              // of each task; 0: as the cluster gives
  std::string time;                   // as sbatch takes it: "1-00", "8:00:00"
  std::vector<std::string> options;   // more for sbatch: "--partition=gpu"
};

/// A bash script for sbatch: SIGUSR1 five minutes before the limit, upon which every rank saves and
/// ends with 75; then the job is queued again, up to 100 times, and goes on where it stopped. Its words
/// are appended to "<out>.slurm-<job>.log". The comment of the job is its run folder.
std::string batch_script(const BatchJob& job);

}  // namespace sslrun::launch
