#include "app/commands.h"
#include "base/error.h"
#include "base/shell.h"
#include "launch/batch_script.h"
#include "launch/launcher.h"
#include "launch/node_local.h"
#include "recipe/load.h"

#include <fmt/format.h>

#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

namespace sslrun::app {
namespace {

namespace fs = std::filesystem;

struct Options {
  std::string recipe, out;
  std::vector<std::string> overrides;
  launch::BatchJob job;
  bool print = false;
};

/// The lines of squeue whose comment is the run folder: "<job> <state> <elapsed> <comment>".
std::string queued(const std::string& out) {
  const auto all = output_of("squeue --me --noheader --format='%i %T %M %k'");
  if (!all) throw UsageError("submit: squeue must work here; give --print for the script alone");
  std::string found;
  for (std::size_t at = 0, end = 0; (end = all->find('\n', at)) != std::string::npos;
       at = end + 1) {
    const std::string line = all->substr(at, end - at);
    if (line.ends_with(" " + out)) found += line + "\n";
  }
  return found;
}

void give_to_slurm(const std::string& script, const std::string& out) {
  fs::create_directories(fs::path(out).parent_path());  // of the log too
  FILE* const sbatch = popen("sbatch", "w");
  const bool written =
      sbatch != nullptr && std::fwrite(script.data(), 1, script.size(), sbatch) == script.size();
  const int ended = sbatch == nullptr ? -1 : pclose(sbatch);
  if (!written || ended != 0)
    throw UsageError(
        "submit: sbatch must accept the job, and says why not above; --print shows its script");
}

void submit(const Options& options) {
  const recipe::LoadedRecipe loaded = recipe::load_recipe(options.recipe, options.overrides);
  launch::BatchJob job = options.job;
  if (job.gpus > 0) job.tasks = job.gpus;
  recipe::require_ranks(loaded, job.nodes * job.tasks);
  job.name = "sslrun-" + loaded.name;
  job.out =
      fs::absolute(options.out.empty() ? fs::path("runs") / loaded.name : fs::path(options.out))
          .lexically_normal()
          .string();
  job.command = {launch::own_command().front(), "pretrain", fs::absolute(options.recipe).string()};
  for (const std::string& text : options.overrides)
    job.command.insert(job.command.end(), {"--set", text});
  job.command.insert(job.command.end(),
                     {"--out", job.out, "--devices", job.gpus > 0 ? "cuda" : "cpu"});
  if (job.nodes > 1 && launch::is_node_local(job.out)) {
    throw UsageError(
        fmt::format("submit: the run folder must be one that every node sees, and '{}' is each "
                    "node's own; give another with --out",
                    job.out));
  }
  const std::string script = launch::batch_script(job);
  if (options.print) return fmt::print("{}", script);
  if (const std::string there = queued(job.out); !there.empty())
    return fmt::print("the job of this run folder is there already:\n{}", there);
  give_to_slurm(script, job.out);
}

}  // namespace

void add_submit(CLI::App& root) {
  auto options = std::make_shared<Options>();
  CLI::App* cmd = root.add_subcommand(
      "submit", "Give a training to Slurm; again while it is there: show the job's state");
  cmd->footer(
      "Example:\n  sslrun submit recipe.yaml --nodes 2 --gpus 8 --cpus 12 --time 1-00 "
      "--sbatch=--partition=gpu\n"
      "The job saves five minutes before its limit, or when it is pre-empted, and is queued again "
      "until it is done.");
  cmd->add_option("recipe", options->recipe, "recipe file")->required();
  cmd->add_option(
         "--set", options->overrides, "KEY=VALUE in place of the recipe's; may be repeated")
      ->allow_extra_args(false);
  cmd->add_option(
      "--out", options->out, "run folder, seen by all nodes (default: runs/<recipe name>)");
  const CLI::Range positive(std::int64_t{1}, std::int64_t{100000});
  cmd->add_option("--nodes", options->job.nodes, "machines")
      ->capture_default_str()
      ->check(positive);
  auto* gpus = cmd->add_option("--gpus", options->job.gpus, "GPUs on each, with a process per GPU")
                   ->check(positive);
  cmd->add_option("--tasks", options->job.tasks, "processes on each, on the CPU")
      ->capture_default_str()
      ->check(positive)
      ->excludes(gpus);
  cmd->add_option("--cpus", options->job.cpus, "processors of each process")->check(positive);
  cmd->add_option("--time", options->job.time, "limit as sbatch takes it: 8:00:00, 1-00")
      ->required();
  cmd->add_option("--sbatch", options->job.options, "another option for sbatch; may be repeated")
      ->allow_extra_args(false);
  cmd->add_flag("--print", options->print, "print the script and submit nothing");
  cmd->callback([options] { submit(*options); });
}

}  // namespace sslrun::app
