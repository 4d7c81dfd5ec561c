#include "launch/environment.h"

#include "base/cpu.h"
#include "tests/launch/variables.h"
#include "tests/support/catch.h"

namespace {

using namespace sslrun;
using launch::Environment;
using test::detect;

// As a Slurm 22.05.8 sets them (srun -N2 -n3; the names that are read), task 2.
const std::string kStep =
    "SLURM_JOB_ID=7 SLURM_STEP_ID=0 SLURM_PROCID=2 SLURM_NTASKS=3 SLURM_LOCALID=0 SLURM_NODEID=1 "
    "SLURM_STEP_NUM_TASKS=3 SLURM_STEP_TASKS_PER_NODE=2,1 SLURM_TASKS_PER_NODE=2,1 "
    "SLURM_STEP_NODELIST=n[1-2] SLURM_JOB_NODELIST=n[1-2] SLURM_LAUNCH_NODE_IPADDR=10.0.0.9 "
    "SLURM_JOB_NUM_NODES=2";
// The script of sbatch -N2 -n3.
const std::string kBatch =
    "SLURM_JOB_ID=7 SLURM_PROCID=0 SLURM_NTASKS=3 SLURM_LOCALID=0 SLURM_NODEID=0 "
    "SLURM_TASKS_PER_NODE=2,1 SLURM_JOB_NODELIST=n[1-2] SLURM_JOB_NUM_NODES=2";
const std::string kOpenMpi =
    "OMPI_COMM_WORLD_RANK=3 OMPI_COMM_WORLD_SIZE=4 OMPI_COMM_WORLD_LOCAL_RANK=1 "
    "OMPI_COMM_WORLD_LOCAL_SIZE=2";

struct Case {
  std::string variables;
  std::string source;
  std::int64_t rank, size, local_rank, local_size, num_nodes;
  std::string master;
  std::int64_t port;
};

}  // namespace

TEST_CASE("environment: every launcher's variables give its place", "[launch]") {
  const Case c = GENERATE(
      Case{"", "alone", 0, 1, 0, 1, 1, "", 0},
      Case{"SSLRUN_RANK=2 SSLRUN_WORLD_SIZE=4 SSLRUN_PORT=4711 RANK=7",
           "sslrun",
           2,
           4,
           2,
           4,
           1,
           "127.0.0.1",
           4711},
      Case{"RANK=5 WORLD_SIZE=8 LOCAL_RANK=1 LOCAL_WORLD_SIZE=4 MASTER_ADDR=a MASTER_PORT=29500 "
           "TORCHELASTIC_RUN_ID=x TORCHELASTIC_USE_AGENT_STORE=True",
           "torchrun",
           5,
           8,
           1,
           4,
           2,
           "a",
           29500},
      Case{"RANK=1 WORLD_SIZE=2 MASTER_ADDR=job-master-0 MASTER_PORT=23456 "
           "KUBERNETES_SERVICE_HOST=10.0.0.1",
           "torchrun",
           1,
           2,
           0,
           1,
           2,
           "job-master-0",
           23456},
      Case{"RANK=0 WORLD_SIZE=1", "torchrun", 0, 1, 0, 1, 1, "", 0},
      // torchrun started once per node by srun: the step is not ours.
      Case{kStep + " RANK=5 WORLD_SIZE=6 LOCAL_RANK=1 LOCAL_WORLD_SIZE=2 MASTER_ADDR=n1 "
                   "MASTER_PORT=29500 "
                   "TORCHELASTIC_RUN_ID=x",
           "torchrun",
           5,
           6,
           1,
           2,
           3,
           "n1",
           29500},
      Case{kStep, "srun", 2, 3, 0, 1, 2, "n1", 0},
      Case{kStep + " MASTER_ADDR=10.0.0.1 MASTER_PORT=6000",
           "srun",
           2,
           3,
           0,
           1,
           2,
           "10.0.0.1",
           6000},
      Case{kStep + " WORLD_SIZE=3", "srun", 2, 3, 0, 1, 2, "n1", 0},
      // srun --mpi=pmi2 and --mpi=pmix
      Case{kStep + " PMI_RANK=2 PMI_SIZE=3 PMI_FD=11", "srun", 2, 3, 0, 1, 2, "n1", 0},
      Case{kStep + " PMIX_RANK=2", "srun", 2, 3, 0, 1, 2, "n1", 0},
      Case{"SLURM_JOB_ID=7 SLURM_STEP_ID=1 SLURM_PROCID=1 SLURM_NTASKS=2 SLURM_LOCALID=1 "
           "SLURM_NODEID=0 "
           "SLURM_TASKS_PER_NODE=2 SLURM_JOB_NODELIST=n4",
           "srun",
           1,
           2,
           1,
           2,
           1,
           "127.0.0.1",
           0},
      // mpirun in a batch script, on the first host and on another, where srun started its daemon
      Case{kBatch + " " + kOpenMpi, "Open MPI", 3, 4, 1, 2, 2, "n1", 0},
      Case{kStep + " " + kOpenMpi, "Open MPI", 3, 4, 1, 2, 2, "n1", 0},
      Case{kStep + " PMI_RANK=3 PMI_SIZE=4 MPI_LOCALRANKID=1 MPI_LOCALNRANKS=2",
           "MPICH",
           3,
           4,
           1,
           2,
           2,
           "n1",
           0},
      Case{kOpenMpi + " MASTER_ADDR=a MASTER_PORT=6000", "Open MPI", 3, 4, 1, 2, 2, "a", 6000},
      Case{"OMPI_COMM_WORLD_RANK=1 OMPI_COMM_WORLD_SIZE=2 OMPI_COMM_WORLD_LOCAL_RANK=1 "
           "OMPI_COMM_WORLD_LOCAL_SIZE=2",
           "Open MPI",
           1,
           2,
           1,
           2,
           1,
           "127.0.0.1",
           0},
      Case{"PMI_RANK=1 PMI_SIZE=2 MPI_LOCALRANKID=1 MPI_LOCALNRANKS=2",
           "MPICH",
           1,
           2,
           1,
           2,
           1,
           "127.0.0.1",
           0},
      Case{"JOB_COMPLETION_INDEX=2 WORLD_SIZE=3 MASTER_ADDR=train-0.train",
           "Kubernetes",
           2,
           3,
           0,
           1,
           3,
           "train-0.train",
           29500},
      Case{"JOB_COMPLETION_INDEX=2 WORLD_SIZE=1", "Kubernetes", 0, 1, 0, 1, 1, "", 0},
      Case{"MASTER_ADDR=a MASTER_PORT=1 WORLD_SIZE=1 RANK=", "alone", 0, 1, 0, 1, 1, "", 0});
  CAPTURE(c.variables);
  const Environment e = detect(c.variables);
  CHECK(e.source == c.source);
  CHECK(e.rank == c.rank);
  CHECK(e.size == c.size);
  CHECK(e.local_rank == c.local_rank);
  CHECK(e.local_size == c.local_size);
  CHECK(e.num_nodes == c.num_nodes);
  CHECK(e.master == c.master);
  CHECK(e.port == c.port);
  CHECK(e.host == "here");
  CHECK(e.store_served == (c.variables.find("AGENT_STORE") != std::string::npos));
  CHECK(e.advice == "");
}

TEST_CASE("environment: a shell inside an allocation is alone, and is told so", "[launch]") {
  // The batch script; salloc's shell; an interactive step; a script submitted from inside a step,
  // into which that step's variables leak.
  const std::string variables =
      GENERATE(std::string(kBatch),
               std::string("SLURM_JOB_ID=7 SLURM_NTASKS=3 SLURM_JOB_NUM_NODES=2"),
               kBatch + " SLURM_STEP_ID=4294967290 SLURM_STEP_NUM_TASKS=1",
               kBatch + " SLURM_STEP_ID=0 SLURM_STEP_NUM_TASKS=1 SLURM_STEP_TASKS_PER_NODE=1");
  CAPTURE(variables);
  const Environment e = detect(variables);
  CHECK(e.size == 1);
  CHECK(e.rank == 0);
  CHECK(
      e.advice ==
      "this Slurm job has 3 tasks on 2 nodes, and this process was started without srun: it trains "
      "alone; `srun sslrun pretrain ...` uses all of them");
  CHECK(detect("SLURM_JOB_ID=7 SLURM_NTASKS=1 SLURM_JOB_NUM_NODES=1").advice == "");
  const auto on_cluster = [](const std::string& job) {
    const auto lookup = [&](const char* name) {
      return std::string(name) == "SLURM_JOB_ID" && !job.empty() ? std::optional<std::string>(job)
                                                                 : std::nullopt;
    };
    return launch::detect_environment(lookup, {"login", 1, /*slurm=*/true}).advice;
  };
  CHECK_THAT(on_cluster(""),
             Catch::Matchers::Contains("in none of its jobs") &&
                 Catch::Matchers::Contains("sslrun submit"));
  CHECK(on_cluster("7") == "");
}

TEST_CASE("environment: ranks of one start have the same job, other starts another", "[launch]") {
  const auto with = [](std::string variables, const std::string& from, const std::string& to) {
    const std::size_t at = variables.find(from);
    REQUIRE(at != std::string::npos);
    return detect(variables.replace(at, from.size(), to)).job;
  };
  const std::string job = detect(kStep).job;
  CHECK(job != "");
  CHECK(with(kStep, "PROCID=2", "PROCID=1") == job);
  CHECK(with(kStep, "JOB_ID=7", "JOB_ID=8") !=
        job);  // also tasks of one array: each its own job id
  CHECK(with(kStep, "STEP_ID=0", "STEP_ID=1") != job);  // two steps at once
  CHECK(detect(kStep + " SLURM_RESTART_COUNT=1").job != job);
  CHECK(detect(kOpenMpi + " MASTER_ADDR=a PMIX_NAMESPACE=1").job !=
        detect(kOpenMpi + " MASTER_ADDR=a PMIX_NAMESPACE=2").job);
  const std::string local = "PMI_RANK=1 PMI_SIZE=2 MPI_LOCALRANKID=1 MPI_LOCALNRANKS=2";
  CHECK(detect(local, /*parent=*/5).job != detect(local, /*parent=*/6).job);
}

TEST_CASE("environment: a rank's threads are its share of the processors", "[launch]") {
  Environment place;
  CHECK(launch::threads_per_rank(place) == cpu_count());
  place.local_size = 2;
  CHECK(launch::threads_per_rank(place) == std::max(1, cpu_count() / 2));
  place.local_size = 1000;
  CHECK(launch::threads_per_rank(place) == 1);
}
