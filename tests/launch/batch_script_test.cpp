#include "launch/batch_script.h"

#include "tests/support/catch.h"

#include <cstdio>
#include <memory>
#include <string>

using namespace sslrun;

TEST_CASE("batch script: asks for what the job needs, and queues it again when it was saved",
          "[launch]") {
  launch::BatchJob job;
  job.name = "sslrun-r";
  job.command = {"/opt/sslrun", "pretrain", "/home/a b/r.yaml", "--set", "a.b=$HOME"};
  job.out = "/data/runs/r";
  job.nodes = 2;
  job.tasks = job.gpus = 8;
  job.cpus = 12;
  job.time = "1-00";
  job.options = {"--partition=gpu"};
  CHECK(launch::batch_script(job) == R"(#!/bin/bash
#SBATCH --job-name=sslrun-r
#SBATCH --comment=/data/runs/r
#SBATCH --nodes=2
#SBATCH --ntasks-per-node=8
#SBATCH --gpus-per-node=8
#SBATCH --cpus-per-task=12
#SBATCH --time=1-00
#SBATCH --signal=USR1@300
#SBATCH --requeue
#SBATCH --open-mode=append
#SBATCH --output=/data/runs/r.slurm-%j.log
#SBATCH --partition=gpu

srun --kill-on-bad-exit=0 --cpu-bind=cores --cpus-per-task=12 /opt/sslrun pretrain '/home/a b/r.yaml' --set 'a.b=$HOME'
status=$?
# 75: saved before the end; the same job goes on from there.
if [ "$status" -eq 75 ] && [ "${SLURM_RESTART_COUNT:-0}" -lt 100 ]; then
  scontrol requeue "$SLURM_JOB_ID"
fi
exit "$status"
)");
}

TEST_CASE("batch script: the shell requeues after 75 alone, and not for ever", "[launch]") {
  launch::BatchJob job;
  job.command = {"it"};
  // srun and scontrol are stood in for by functions.
  const auto run = [&](const std::string& status, const std::string& restarts) {
    const std::string script =
        "srun() { return " + status +
        "; }; scontrol() { echo \"$@\"; }; SLURM_JOB_ID=7; SLURM_RESTART_COUNT=" + restarts + "\n" +
        launch::batch_script(job);
    const std::unique_ptr<FILE, int (*)(FILE*)> shell(
        popen(("bash -c '" + script + "'; echo $?").c_str(), "r"), pclose);
    std::string out;
    char line[256];
    while (std::fgets(line, sizeof line, shell.get()) != nullptr) out += line;
    return out;
  };
  CHECK(run("75", "") == "requeue 7\n75\n");
  CHECK(run("75", "99") == "requeue 7\n75\n");
  CHECK(run("75", "100") == "75\n");
  CHECK(run("0", "") == "0\n");
  CHECK(run("143", "") == "143\n");
}
