// Environments that nobody should train in, and the exact words that they give.
#include "base/error.h"
#include "tests/launch/variables.h"
#include "tests/support/catch.h"

#include <vector>

namespace {

using namespace sslrun;

const std::string kStep =
    "SLURM_JOB_ID=7 SLURM_STEP_ID=0 SLURM_PROCID=2 SLURM_NTASKS=3 SLURM_LOCALID=0 SLURM_NODEID=1";

constexpr const char* kTorchrun =
    "start with `torchrun --no-python ... sslrun pretrain ...`, which sets them all, or unset them "
    "to train as one process";
constexpr const char* kSrun =
    "start with `srun sslrun pretrain ...`, which sets them all; a container must be given them";
constexpr const char* kOpenMpi =
    "start with `mpirun --bind-to none -n N sslrun pretrain ...`, which sets them all, or unset "
    "them to train as one process";
constexpr const char* kMpich =
    "start with `mpiexec -n N sslrun pretrain ...` of MPICH or Intel MPI, which sets them all, or "
    "unset them to train as one process";
constexpr const char* kPods =
    "set WORLD_SIZE to spec.completions and MASTER_ADDR to <job>-0.<headless service> in the pod "
    "template, or WORLD_SIZE=1 for independent runs";
constexpr const char* kAlone =
    "unset it to train as one process, or start with srun, torchrun or mpirun";
constexpr const char* kOwn = "unset them: they are for the processes that sslrun starts";

struct Broken {
  std::string variables, what, advice;  // no advice: its own stands in `what`
};

const std::vector<Broken> kBroken = {
    {"RANK=1", "torchrun: WORLD_SIZE is missing beside RANK=1", kTorchrun},
    {"LOCAL_RANK=1", "torchrun: RANK, WORLD_SIZE are missing beside LOCAL_RANK=1", kTorchrun},
    {"TORCHELASTIC_RUN_ID=x",
     "torchrun: RANK, WORLD_SIZE are missing beside TORCHELASTIC_RUN_ID=x",
     kTorchrun},
    {"WORLD_SIZE=4", "no launcher: WORLD_SIZE=4 is set, and RANK is missing", kAlone},
    {"RANK=0 WORLD_SIZE=2",
     "torchrun: MASTER_ADDR, MASTER_PORT are missing beside RANK=0, WORLD_SIZE=2",
     kTorchrun},
    {"RANK=0 WORLD_SIZE=2 MASTER_ADDR=a",
     "torchrun: MASTER_PORT is missing beside RANK=0, WORLD_SIZE=2, MASTER_ADDR=a",
     kTorchrun},
    {"RANK=0 WORLD_SIZE=2 MASTER_ADDR=a MASTER_PORT=70000",
     "torchrun: MASTER_PORT=70000 must be a whole number from 1 to 65535",
     kTorchrun},
    {"RANK=0 WORLD_SIZE=2 MASTER_ADDR=a MASTER_PORT=http",
     "torchrun: MASTER_PORT=http must be a whole number from 1 to 65535",
     kTorchrun},
    {"RANK=4 WORLD_SIZE=4 MASTER_ADDR=a MASTER_PORT=1",
     "torchrun: RANK=4 must be less than WORLD_SIZE=4",
     kTorchrun},
    {"RANK=-1 WORLD_SIZE=4 MASTER_ADDR=a MASTER_PORT=1",
     "torchrun: RANK=-1 must be a whole number from 0 to 1000000000",
     kTorchrun},
    {"RANK=0 WORLD_SIZE=0",
     "torchrun: WORLD_SIZE=0 must be a whole number from 1 to 1000000000",
     kTorchrun},
    {"RANK=1 WORLD_SIZE=two",
     "torchrun: WORLD_SIZE=two must be a whole number from 1 to 1000000000",
     kTorchrun},
    {"RANK=1 WORLD_SIZE=2 LOCAL_RANK=1 MASTER_ADDR=a MASTER_PORT=1",
     "torchrun: LOCAL_WORLD_SIZE is missing beside RANK=1, WORLD_SIZE=2, LOCAL_RANK=1, "
     "MASTER_ADDR=a, MASTER_PORT=1",
     kTorchrun},
    {"RANK=1 WORLD_SIZE=2 LOCAL_RANK=2 LOCAL_WORLD_SIZE=2 MASTER_ADDR=a MASTER_PORT=1",
     "torchrun: LOCAL_RANK=2 must be less than LOCAL_WORLD_SIZE=2",
     kTorchrun},
    {"RANK=1 WORLD_SIZE=2 LOCAL_RANK=1 LOCAL_WORLD_SIZE=4 MASTER_ADDR=a MASTER_PORT=1",
     "torchrun: LOCAL_WORLD_SIZE=4 must be at most WORLD_SIZE=2",
     kTorchrun},
    {kStep + " RANK=0 WORLD_SIZE=3 MASTER_ADDR=a MASTER_PORT=1",
     "torchrun: RANK=0 contradicts SLURM_PROCID=2; unset RANK, WORLD_SIZE and LOCAL_RANK: sslrun "
     "takes its place from srun, and what a batch script exports is the same for every task",
     ""},
    {"OMPI_COMM_WORLD_RANK=1 OMPI_COMM_WORLD_SIZE=2 RANK=0 WORLD_SIZE=2 MASTER_ADDR=a "
     "MASTER_PORT=1",
     "torchrun: RANK=0 contradicts OMPI_COMM_WORLD_RANK=1; unset RANK, WORLD_SIZE and LOCAL_RANK: "
     "sslrun takes its place from mpirun",
     ""},
    {"SLURM_JOB_ID=7 SLURM_STEP_ID=0 SLURM_NTASKS=3 SLURM_LOCALID=0",
     "srun: SLURM_PROCID, SLURM_NODEID are missing beside SLURM_NTASKS=3, SLURM_LOCALID=0, "
     "SLURM_JOB_ID=7",
     kSrun},
    {"SLURM_STEP_ID=0 SLURM_PROCID=2 SLURM_NTASKS=3 SLURM_LOCALID=0 SLURM_NODEID=1",
     "srun: SLURM_JOB_ID is missing beside SLURM_PROCID=2, SLURM_NTASKS=3, SLURM_LOCALID=0, "
     "SLURM_NODEID=1",
     kSrun},
    {"SLURM_JOB_ID=7 SLURM_STEP_ID=0 SLURM_PROCID=3 SLURM_NTASKS=3 SLURM_LOCALID=0 SLURM_NODEID=1",
     "srun: SLURM_PROCID=3 must be less than SLURM_NTASKS=3",
     kSrun},
    {kStep,
     "srun: SLURM_TASKS_PER_NODE, SLURM_JOB_NODELIST are missing beside SLURM_PROCID=2, "
     "SLURM_NTASKS=3, SLURM_LOCALID=0, SLURM_NODEID=1, SLURM_JOB_ID=7",
     kSrun},
    {kStep + " SLURM_TASKS_PER_NODE=2,1",
     "srun: SLURM_JOB_NODELIST is missing beside SLURM_PROCID=2, SLURM_NTASKS=3, SLURM_LOCALID=0, "
     "SLURM_NODEID=1, SLURM_JOB_ID=7",
     kSrun},
    {kStep + " SLURM_TASKS_PER_NODE=2,x SLURM_JOB_NODELIST=n[1-2]",
     "srun: SLURM_TASKS_PER_NODE=2,x must be like 2(x3),1",
     kSrun},
    {kStep + " SLURM_TASKS_PER_NODE=2(x2) SLURM_JOB_NODELIST=n[1-2]",
     "srun: SLURM_NTASKS=3 contradicts SLURM_TASKS_PER_NODE=2(x2)",
     kSrun},
    {kStep + " SLURM_TASKS_PER_NODE=2,1 SLURM_JOB_NODELIST=n[1-3]",
     "srun: SLURM_JOB_NODELIST=n[1-3] contradicts SLURM_TASKS_PER_NODE=2,1",
     kSrun},
    {"SLURM_JOB_ID=7 SLURM_STEP_ID=0 SLURM_PROCID=2 SLURM_NTASKS=3 SLURM_LOCALID=0 SLURM_NODEID=2 "
     "SLURM_TASKS_PER_NODE=2,1 SLURM_JOB_NODELIST=n[1-2]",
     "srun: SLURM_NODEID=2 contradicts SLURM_TASKS_PER_NODE=2,1",
     kSrun},
    {"SLURM_JOB_ID=7 SLURM_STEP_ID=0 SLURM_PROCID=2 SLURM_NTASKS=3 SLURM_LOCALID=1 SLURM_NODEID=1 "
     "SLURM_TASKS_PER_NODE=2,1 SLURM_JOB_NODELIST=n[1-2]",
     "srun: SLURM_LOCALID=1 contradicts SLURM_TASKS_PER_NODE=2,1",
     kSrun},
    {kStep + " SLURM_TASKS_PER_NODE=2,1 SLURM_JOB_NODELIST=n[1-2",
     "the host list 'n[1-2' must close every '[' (character 6)",
     ""},
    {kStep + " SLURM_TASKS_PER_NODE=2,1 SLURM_JOB_NODELIST=n[1-2] WORLD_SIZE=8",
     "srun: WORLD_SIZE=8 contradicts the 3 ranks of the job; unset WORLD_SIZE",
     ""},
    {"SLURM_JOB_ID=7 SLURM_PROCID=1 SLURM_NTASKS=3",
     "no launcher: SLURM_PROCID=1 is set, and SLURM_STEP_ID is missing",
     kAlone},
    {"OMPI_COMM_WORLD_RANK=1",
     "Open MPI: OMPI_COMM_WORLD_SIZE, OMPI_COMM_WORLD_LOCAL_RANK, OMPI_COMM_WORLD_LOCAL_SIZE are "
     "missing beside OMPI_COMM_WORLD_RANK=1",
     kOpenMpi},
    {"OMPI_COMM_WORLD_RANK=1 OMPI_COMM_WORLD_SIZE=2",
     "Open MPI: OMPI_COMM_WORLD_LOCAL_RANK, OMPI_COMM_WORLD_LOCAL_SIZE are missing beside "
     "OMPI_COMM_WORLD_RANK=1, OMPI_COMM_WORLD_SIZE=2",
     kOpenMpi},
    {"OMPI_COMM_WORLD_RANK=2 OMPI_COMM_WORLD_SIZE=2 OMPI_COMM_WORLD_LOCAL_RANK=0 "
     "OMPI_COMM_WORLD_LOCAL_SIZE=1",
     "Open MPI: OMPI_COMM_WORLD_RANK=2 must be less than OMPI_COMM_WORLD_SIZE=2",
     kOpenMpi},
    {"OMPI_COMM_WORLD_RANK=1 OMPI_COMM_WORLD_SIZE=2 OMPI_COMM_WORLD_LOCAL_RANK=0 "
     "OMPI_COMM_WORLD_LOCAL_SIZE=1",
     "Open MPI: OMPI_COMM_WORLD_SIZE=2 on several machines needs MASTER_ADDR, rank 0's machine; "
     "export MASTER_ADDR and MASTER_PORT to all ranks (Open MPI: mpirun -x MASTER_ADDR=HOST -x "
     "MASTER_PORT=29500; MPICH: mpiexec -env)",
     ""},
    {"OMPI_COMM_WORLD_RANK=1 OMPI_COMM_WORLD_SIZE=2 OMPI_COMM_WORLD_LOCAL_RANK=0 "
     "OMPI_COMM_WORLD_LOCAL_SIZE=1 MASTER_ADDR=a",
     "Open MPI: OMPI_COMM_WORLD_SIZE=2 on several machines needs MASTER_PORT; export a port that "
     "is free on rank 0's machine: MASTER_PORT=29500",
     ""},
    {"PMI_RANK=1",
     "MPICH: PMI_SIZE, MPI_LOCALRANKID, MPI_LOCALNRANKS are missing beside PMI_RANK=1",
     kMpich},
    {"PMI_RANK=1 PMI_SIZE=2",
     "MPICH: MPI_LOCALRANKID, MPI_LOCALNRANKS are missing beside PMI_RANK=1, PMI_SIZE=2",
     kMpich},
    {"PMI_RANK=1 PMI_SIZE=2 MPI_LOCALRANKID=1 MPI_LOCALNRANKS=1",
     "MPICH: MPI_LOCALRANKID=1 must be less than MPI_LOCALNRANKS=1",
     kMpich},
    {"PMIX_RANK=1",
     "PMIx: PMIX_RANK=1 names a rank, and PMIx sets no number of ranks; start with srun or Open "
     "MPI's mpirun, or set RANK, WORLD_SIZE, LOCAL_RANK, LOCAL_WORLD_SIZE, MASTER_ADDR and "
     "MASTER_PORT",
     ""},
    {"JOB_COMPLETION_INDEX=1",
     "an indexed job of Kubernetes: WORLD_SIZE is missing beside JOB_COMPLETION_INDEX=1",
     kPods},
    {"JOB_COMPLETION_INDEX=1 WORLD_SIZE=4",
     "an indexed job of Kubernetes: MASTER_ADDR is missing beside JOB_COMPLETION_INDEX=1, "
     "WORLD_SIZE=4",
     kPods},
    {"JOB_COMPLETION_INDEX=4 WORLD_SIZE=4 MASTER_ADDR=a",
     "an indexed job of Kubernetes: JOB_COMPLETION_INDEX=4 must be less than WORLD_SIZE=4",
     kPods},
    {"SSLRUN_RANK=1",
     "sslrun's own launcher: SSLRUN_WORLD_SIZE, SSLRUN_PORT are missing beside SSLRUN_RANK=1",
     kOwn},
    {"SSLRUN_RANK=2 SSLRUN_WORLD_SIZE=2 SSLRUN_PORT=1",
     "sslrun's own launcher: SSLRUN_RANK=2 must be less than SSLRUN_WORLD_SIZE=2",
     kOwn},
    {"SSLRUN_RANK=1 SSLRUN_WORLD_SIZE=2 SSLRUN_PORT=0",
     "sslrun's own launcher: SSLRUN_PORT=0 must be a whole number from 1 to 65535",
     kOwn},
};

}  // namespace

TEST_CASE("broken environments: each is refused with what is there, what is wrong and what to do",
          "[launch]") {
  REQUIRE(kBroken.size() >= 30);
  for (const Broken& broken : kBroken) {
    CAPTURE(broken.variables);
    const std::string words = broken.what + (broken.advice.empty() ? "" : "; " + broken.advice);
    CHECK_THROWS_WITH(test::detect(broken.variables), words);
    CHECK_THROWS_AS(test::detect(broken.variables), UsageError);
  }
}
