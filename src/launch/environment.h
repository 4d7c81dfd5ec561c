// Which process of a job this one is, as the program that started it says in the environment.
#pragma once
#include <cstdint>
#include <functional>
#include <optional>
#include <string>

namespace sslrun::launch {

/// The place of this process among those that train together.
struct Environment {
  std::string source = "alone";  // who said so: "sslrun", "torchrun", "srun", "Open MPI", ...
  std::int64_t rank = 0, size = 1;
  std::int64_t local_rank = 0, local_size = 1;  // among the ranks of this machine
  std::int64_t num_nodes = 1;
  std::string host;             // this machine's name, for words
  std::string master;           // rank 0's machine, a name or an address; empty alone
  std::string master_fallback;  // an address for where the name does not resolve; may be empty
  std::int64_t port = 0;        // where rank 0 is met; 0: one that follows from `job`
  std::string job;            // the same on all ranks of this start, another for every other start
  int door = -1;              // an open socket that listens at `port`, handed over to rank 0
  bool store_served = false;  // torchrun serves a store at master:port
  std::string advice;         // something to act on, said once; mostly empty
};

/// What an environment variable holds; nothing where it is unset. A set but empty one counts as
/// unset.
using Lookup = std::function<std::optional<std::string>(const char* name)>;

/// What does not stand in variables.
struct Machine {
  std::string host;
  std::int64_t parent = 0;  // the process that started this one
  bool slurm = false;       // one of a Slurm cluster
};

/// This process's place. The first that has set its variables decides: sslrun's own launcher
/// (SSLRUN_*), torchrun and what sets the same variables by hand or in Kubeflow (RANK, WORLD_SIZE,
/// ...), mpirun of Open MPI (OMPI_COMM_WORLD_*) and of MPICH or Intel MPI (PMI_*) where they contradict
/// the Slurm step around them (their daemons' step then), a Slurm step (SLURM_PROCID with
/// SLURM_STEP_ID), MPI without Slurm, PMIx, an indexed job of Kubernetes (JOB_COMPLETION_INDEX). Else
/// alone: inside a batch script or salloc's shell too, as no step was started there.
/// MASTER_ADDR and MASTER_PORT are honoured for all of them.
/// errors    UsageError where variables are missing, are not numbers or contradict each other: which,
///           what they hold and what to do.
Environment detect_environment(const Lookup& lookup, const Machine& machine);

/// The same with this process's environment.
Environment detect_environment();

/// Threads that a rank should compute with on this machine: its share of the processors that it may
/// use, or what Slurm gave each task.
int threads_per_rank(const Environment& environment);

}  // namespace sslrun::launch
