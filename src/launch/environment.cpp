#include "launch/environment.h"

#include "base/cpu.h"
#include "base/env.h"
#include "base/error.h"
#include "base/host.h"
#include "launch/host_list.h"
#include "launch/variables.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <numeric>
#include <vector>

namespace sslrun::launch {
namespace {

constexpr std::int64_t kFirstSpecialStep = 0xfffffff0;  // slurm.h: batch script, interactive shell
constexpr std::int64_t kKubernetesPort = 29500;         // a pod has its own ports
constexpr const char* kHere = "127.0.0.1";

/// MASTER_ADDR and MASTER_PORT, else what the source knows: rank 0 is on this machine where all
/// ranks are.
void set_meeting_place(Environment& place, const Variables& of, const std::string& known_master) {
  const bool one_machine = place.local_size == place.size;
  if (const auto size = of.number("WORLD_SIZE"); size && *size != place.size)
    of.fail(fmt::format("WORLD_SIZE={} contradicts the {} ranks of the job", *size, place.size),
            "unset WORLD_SIZE");
  place.master = of.text("MASTER_ADDR").value_or(one_machine ? kHere : known_master);
  place.port = of.number("MASTER_PORT", 1, 65535).value_or(0);
}

Environment of_own_launcher(const Lookup& lookup) {
  const Variables own(lookup,
                      "sslrun's own launcher",
                      {"SSLRUN_RANK", "SSLRUN_WORLD_SIZE", "SSLRUN_PORT"},
                      "unset them: they are for the processes that sslrun starts");
  own.require_all();
  Environment place;
  place.source = "sslrun";
  place.size = own.need("SSLRUN_WORLD_SIZE", 1);
  place.rank = own.below("SSLRUN_RANK", "SSLRUN_WORLD_SIZE");
  place.local_rank = place.rank;
  place.local_size = place.size;
  place.master = kHere;
  place.port = own.need("SSLRUN_PORT", 1, 65535);
  place.job = fmt::format("sslrun-{}", place.port);
  place.door = static_cast<int>(own.number("SSLRUN_DOOR").value_or(-1));
  return place;
}

/// A step has as many tasks as its own variables say: they leak into the scripts of jobs that are
/// submitted from inside it (seen with Slurm 22.05), whose SLURM_NTASKS is another.
bool in_slurm_step(const Lookup& lookup) {
  const auto step = lookup("SLURM_STEP_ID"), tasks = lookup("SLURM_STEP_NUM_TASKS");
  std::int64_t id = kFirstSpecialStep;
  if (step) std::from_chars(step->data(), step->data() + step->size(), id);
  return id < kFirstSpecialStep && (!tasks || tasks == lookup("SLURM_NTASKS"));
}

/// RANK exported in a batch script is 0 on every task.
void require_own_rank(const Variables& torch, const Lookup& lookup) {
  if (torch.text("TORCHELASTIC_RUN_ID")) return;
  const auto same = [&](const char* size, const char* rank) {
    return lookup(size) != lookup("WORLD_SIZE") || !lookup(rank) || lookup(rank) == lookup("RANK");
  };
  if (in_slurm_step(lookup) && !same("SLURM_NTASKS", "SLURM_PROCID")) {
    torch.fail(
        fmt::format(
            "RANK={} contradicts SLURM_PROCID={}", *lookup("RANK"), *lookup("SLURM_PROCID")),
        "unset RANK, WORLD_SIZE and LOCAL_RANK: sslrun takes its place from srun, and what a "
        "batch script exports is the same for every task");
  }
  if (!same("OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_RANK")) {
    torch.fail(fmt::format("RANK={} contradicts OMPI_COMM_WORLD_RANK={}",
                           *lookup("RANK"),
                           *lookup("OMPI_COMM_WORLD_RANK")),
               "unset RANK, WORLD_SIZE and LOCAL_RANK: sslrun takes its place from mpirun");
  }
}

Environment of_torchrun(const Lookup& lookup) {
  const Variables torch(
      lookup,
      "torchrun",
      {"RANK",
       "WORLD_SIZE",
       "LOCAL_RANK",
       "LOCAL_WORLD_SIZE",
       "MASTER_ADDR",
       "MASTER_PORT",
       "TORCHELASTIC_RUN_ID"},
      "start with `torchrun --no-python ... sslrun pretrain ...`, which sets them all, or unset "
      "them to "
      "train as one process");
  Environment place;
  place.source = "torchrun";
  torch.require({"RANK", "WORLD_SIZE"});
  place.size = torch.need("WORLD_SIZE", 1);
  place.rank = torch.below("RANK", "WORLD_SIZE");
  require_own_rank(torch, lookup);
  // Kubeflow and scripts of one process per machine set neither.
  if (torch.text("LOCAL_RANK") || torch.text("LOCAL_WORLD_SIZE")) {
    torch.require({"LOCAL_RANK", "LOCAL_WORLD_SIZE"});
    place.local_size = torch.at_most("LOCAL_WORLD_SIZE", "WORLD_SIZE");
    place.local_rank = torch.below("LOCAL_RANK", "LOCAL_WORLD_SIZE");
  }
  if (place.size == 1) return place;
  torch.require({"MASTER_ADDR", "MASTER_PORT"});
  place.num_nodes = (place.size + place.local_size - 1) / place.local_size;
  place.master = *torch.text("MASTER_ADDR");
  place.port = torch.need("MASTER_PORT", 1, 65535);
  place.job = fmt::format("torchrun-{}-{}-{}",
                          place.port,
                          torch.text("TORCHELASTIC_RUN_ID").value_or("none"),
                          torch.text("TORCHELASTIC_RESTART_COUNT").value_or("0"));
  place.store_served = torch.text("TORCHELASTIC_USE_AGENT_STORE") == "True";
  return place;
}

/// Tasks on each node of "2(x3),1": 2, 2, 2, 1.
std::vector<std::int64_t> tasks_per_node(const Variables& slurm, const char* name) {
  const std::string text = *slurm.text(name);
  std::vector<std::int64_t> tasks;
  const char *at = text.data(), *end = at + text.size();
  bool good = true;
  const auto number = [&](std::int64_t& value) {
    const auto [next, error] = std::from_chars(at, end, value);
    good = good && error == std::errc() && value >= 1 && value <= 1'000'000;
    at = next;
  };
  const auto take = [&](std::string_view word) {
    const bool there = std::string_view(at, static_cast<std::size_t>(end - at)).starts_with(word);
    if (there) at += word.size();
    return there;
  };
  do {
    std::int64_t count = 0, nodes = 1;
    number(count);
    if (take("(x")) {
      number(nodes);
      good = good && take(")");
    }
    if (good) tasks.insert(tasks.end(), static_cast<std::size_t>(nodes), count);
  } while (good && take(","));
  if (!good || at != end) slurm.fail(fmt::format("{}={} must be like 2(x3),1", name, text));
  return tasks;
}

Environment of_slurm_step(const Lookup& lookup) {
  const Variables slurm(
      lookup,
      "srun",
      {"SLURM_PROCID", "SLURM_NTASKS", "SLURM_LOCALID", "SLURM_NODEID", "SLURM_JOB_ID"},
      "start with `srun sslrun pretrain ...`, which sets them all; a container must be given them");
  const auto first_of = [&](const char* of_step, const char* of_job) {
    return slurm.text(of_step) ? of_step : of_job;
  };
  slurm.require_all();
  const char* tasks_name = first_of("SLURM_STEP_TASKS_PER_NODE", "SLURM_TASKS_PER_NODE");
  const char* hosts_name = first_of("SLURM_STEP_NODELIST", "SLURM_JOB_NODELIST");
  Environment place;
  place.source = "srun";
  place.size = slurm.need("SLURM_NTASKS", 1);
  place.rank = slurm.below("SLURM_PROCID", "SLURM_NTASKS");
  if (place.size == 1) return place;
  slurm.require({tasks_name, hosts_name});
  const auto tasks = tasks_per_node(slurm, tasks_name);
  const auto hosts = expand_host_list(*slurm.text(hosts_name));
  const auto node = static_cast<std::size_t>(slurm.need("SLURM_NODEID"));
  const std::int64_t total = std::accumulate(tasks.begin(), tasks.end(), std::int64_t{0});
  if (total != place.size) slurm.contradict("SLURM_NTASKS", tasks_name);
  if (hosts.size() != tasks.size()) slurm.contradict(hosts_name, tasks_name);
  if (node >= tasks.size()) slurm.contradict("SLURM_NODEID", tasks_name);
  place.local_size = tasks[node];
  place.local_rank = slurm.need("SLURM_LOCALID");
  if (place.local_rank >= place.local_size) slurm.contradict("SLURM_LOCALID", tasks_name);
  place.num_nodes = static_cast<std::int64_t>(tasks.size());
  set_meeting_place(place, slurm, hosts.front());
  place.master_fallback = slurm.text("SLURM_LAUNCH_NODE_IPADDR").value_or("");
  place.job = fmt::format("slurm-{}.{}-{}",
                          *slurm.text("SLURM_JOB_ID"),
                          *slurm.text("SLURM_STEP_ID"),
                          slurm.text("SLURM_RESTART_COUNT").value_or("0"));
  return place;
}

struct MpiNames {
  const char *source, *rank, *size, *local_rank, *local_size, *advice;
};

constexpr MpiNames kOpenMpi{
    "Open MPI",
    "OMPI_COMM_WORLD_RANK",
    "OMPI_COMM_WORLD_SIZE",
    "OMPI_COMM_WORLD_LOCAL_RANK",
    "OMPI_COMM_WORLD_LOCAL_SIZE",
    "start with `mpirun --bind-to none -n N sslrun pretrain ...`, which sets "
    "them all, or unset them to train as one process"};
constexpr MpiNames kHydra{
    "MPICH",
    "PMI_RANK",
    "PMI_SIZE",
    "MPI_LOCALRANKID",
    "MPI_LOCALNRANKS",
    "start with `mpiexec -n N sslrun pretrain ...` of MPICH or Intel MPI, which "
    "sets them all, or unset them to train as one process"};

bool is_set(const Lookup& lookup, const MpiNames& names) {
  return lookup(names.rank) || lookup(names.size);
}

Environment of_mpi(const Lookup& lookup, const MpiNames& names, const Machine& machine) {
  const Variables mpi(lookup,
                      names.source,
                      {names.rank, names.size, names.local_rank, names.local_size},
                      names.advice);
  mpi.require_all();
  Environment place;
  place.source = names.source;
  place.size = mpi.need(names.size, 1);
  place.rank = mpi.below(names.rank, names.size);
  place.local_size = mpi.at_most(names.local_size, names.size);
  place.local_rank = mpi.below(names.local_rank, names.local_size);
  place.num_nodes = (place.size + place.local_size - 1) / place.local_size;
  if (place.size == 1) return place;
  // mpirun gives the first host of a Slurm job rank 0.
  const auto list = mpi.text("SLURM_JOB_NODELIST");
  set_meeting_place(place, mpi, list ? expand_host_list(*list).front() : "");
  if (place.local_size == place.size) {
    place.job = fmt::format("mpi-{}-{}", machine.host, machine.parent);
    return place;
  }
  for (const char* name :
       {"PMIX_NAMESPACE", "OMPI_MCA_ess_base_jobid", "SLURM_JOB_ID", "PBS_JOBID"}) {
    if (const auto id = mpi.text(name); id && place.job.empty()) place.job = "mpi-" + *id;
  }
  if (place.master.empty()) {
    mpi.fail(
        fmt::format("{}={} on several machines needs MASTER_ADDR, rank 0's machine",
                    names.size,
                    place.size),
        "export MASTER_ADDR and MASTER_PORT to all ranks (Open MPI: mpirun -x MASTER_ADDR=HOST -x "
        "MASTER_PORT=29500; MPICH: mpiexec -env)");
  }
  if (place.job.empty() && place.port == 0) {
    mpi.fail(fmt::format("{}={} on several machines needs MASTER_PORT", names.size, place.size),
             "export a port that is free on rank 0's machine: MASTER_PORT=29500");
  }
  if (place.job.empty()) place.job = fmt::format("mpi-{}", place.port);
  return place;
}

/// Whether mpirun started this process inside a step: the step that it sees is that of mpirun's
/// daemons, which srun started.
bool mpi_contradicts_step(const Lookup& lookup, const MpiNames& names) {
  return lookup(names.rank) != lookup("SLURM_PROCID") ||
         lookup(names.size) != lookup("SLURM_NTASKS");
}

Environment of_kubernetes(const Lookup& lookup) {
  const Variables pods(
      lookup,
      "an indexed job of Kubernetes",
      {"JOB_COMPLETION_INDEX", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT"},
      "set WORLD_SIZE to spec.completions and MASTER_ADDR to <job>-0.<headless service> in "
      "the pod template, or WORLD_SIZE=1 for independent runs");
  Environment place;
  place.source = "Kubernetes";
  pods.require({"JOB_COMPLETION_INDEX", "WORLD_SIZE"});
  place.size = pods.need("WORLD_SIZE", 1);
  if (place.size == 1) return place;
  pods.require({"MASTER_ADDR"});
  place.rank = pods.below("JOB_COMPLETION_INDEX", "WORLD_SIZE");
  place.num_nodes = place.size;
  set_meeting_place(place, pods, "");
  if (place.port == 0) place.port = kKubernetesPort;
  place.job = "kubernetes-" + place.master;
  return place;
}

[[noreturn]] void fail_pmix(const Lookup& lookup) {
  const Variables pmix(lookup, "PMIx", {"PMIX_RANK"}, "");
  pmix.fail(fmt::format("PMIX_RANK={} names a rank, and PMIx sets no number of ranks",
                        *lookup("PMIX_RANK")),
            "start with srun or Open MPI's mpirun, or set RANK, WORLD_SIZE, LOCAL_RANK, "
            "LOCAL_WORLD_SIZE, "
            "MASTER_ADDR and MASTER_PORT");
}

/// No one started several processes; what stands around may still look like it.
Environment alone(const Lookup& lookup, const Machine& machine) {
  const Variables none(lookup,
                       "no launcher",
                       {"WORLD_SIZE", "SLURM_PROCID", "SLURM_STEP_ID"},
                       "unset it to train as one process, or start with srun, torchrun or mpirun");
  if (none.number("WORLD_SIZE", 1).value_or(1) > 1)
    none.fail(fmt::format("WORLD_SIZE={} is set, and RANK is missing", *none.text("WORLD_SIZE")));
  if (none.number("SLURM_PROCID").value_or(0) > 0)
    none.fail(fmt::format("SLURM_PROCID={} is set, and SLURM_STEP_ID is missing",
                          *none.text("SLURM_PROCID")));
  Environment place;
  if (machine.slurm && !none.text("SLURM_JOB_ID")) {
    place.advice =
        "this machine belongs to a Slurm cluster, and this process is in none of its jobs: where "
        "it is "
        "the login node, `sslrun submit` gives the training to Slurm instead";
  }
  const std::int64_t tasks = none.number("SLURM_NTASKS").value_or(1);
  const std::int64_t nodes = none.number("SLURM_JOB_NUM_NODES").value_or(1);
  if (tasks > 1 || nodes > 1) {
    place.advice = fmt::format(
        "this Slurm job has {} tasks on {} nodes, and this process was started without srun: it "
        "trains "
        "alone; `srun sslrun pretrain ...` uses all of them",
        tasks,
        nodes);
  }
  return place;
}

Environment find_place(const Lookup& lookup, const Machine& machine) {
  if (lookup("SSLRUN_RANK") || lookup("SSLRUN_WORLD_SIZE") || lookup("SSLRUN_PORT"))
    return of_own_launcher(lookup);
  if (lookup("RANK") || lookup("LOCAL_RANK") || lookup("TORCHELASTIC_RUN_ID"))
    return of_torchrun(lookup);
  const bool step = in_slurm_step(lookup);
  for (const MpiNames* mpi : {&kOpenMpi, &kHydra}) {
    if (is_set(lookup, *mpi) && (!step || mpi_contradicts_step(lookup, *mpi)))
      return of_mpi(lookup, *mpi, machine);
  }
  if (step) return of_slurm_step(lookup);
  if (lookup("PMIX_RANK")) fail_pmix(lookup);
  if (lookup("JOB_COMPLETION_INDEX")) return of_kubernetes(lookup);
  return alone(lookup, machine);
}

}  // namespace

Environment detect_environment(const Lookup& lookup, const Machine& machine) {
  const Lookup set = [&](const char* name) {
    const auto value = lookup(name);
    return value && value->empty() ? std::nullopt : value;
  };
  Environment place = find_place(set, machine);
  place.host = machine.host;
  return place;
}

Environment detect_environment() {
  const bool slurm = env("SLURM_CONF") || std::filesystem::exists("/etc/slurm/slurm.conf");
  return detect_environment(env, {host_name(), getppid(), slurm});
}

int threads_per_rank(const Environment& place) {
  const auto of_task = place.source == "srun" ? env("SLURM_CPUS_PER_TASK") : std::nullopt;
  int threads = 0;
  if (of_task) std::from_chars(of_task->data(), of_task->data() + of_task->size(), threads);
  if (threads < 1) threads = cpu_count() / static_cast<int>(place.local_size);
  return std::clamp(threads, 1, cpu_count());
}

}  // namespace sslrun::launch
