#include "launch/batch_script.h"

#include "base/shell.h"

#include <fmt/format.h>

namespace sslrun::launch {
namespace {

constexpr int kSignalSeconds =
    300;  // two saves of a minute and a half, and Slurm may be a minute early
constexpr int kMaxRestarts = 100;

}  // namespace

std::string batch_script(const BatchJob& job) {
  std::string head = "#!/bin/bash\n";
  const auto option = [&](const std::string& text) { head += "#SBATCH " + text + "\n"; };
  option("--job-name=" + shell_quoted(job.name));
  option("--comment=" + shell_quoted(job.out));
  option(fmt::format("--nodes={}", job.nodes));
  option(fmt::format("--ntasks-per-node={}", job.tasks));
  if (job.gpus > 0) option(fmt::format("--gpus-per-node={}", job.gpus));
  if (job.cpus > 0) option(fmt::format("--cpus-per-task={}", job.cpus));
  option("--time=" + job.time);
  option(fmt::format("--signal=USR1@{}", kSignalSeconds));
  option("--requeue");
  option("--open-mode=append");
  option("--output=" + shell_quoted(job.out + ".slurm-%j.log"));
  for (const std::string& more : job.options) option(more);
  std::string words;
  for (const std::string& word : job.command) words += " " + shell_quoted(word);
  // A rank that has saved may leave before the others: that is no reason to kill them.
  return head + fmt::format(R"(
srun --kill-on-bad-exit=0 --cpu-bind=cores{}{}
status=$?
# 75: saved before the end; the same job goes on from there.
if [ "$status" -eq 75 ] && [ "${{SLURM_RESTART_COUNT:-0}}" -lt {} ]; then
  scontrol requeue "$SLURM_JOB_ID"
fi
exit "$status"
)",
                            job.cpus > 0 ? fmt::format(" --cpus-per-task={}", job.cpus) : "",
                            words,
                            kMaxRestarts);
}

}  // namespace sslrun::launch
