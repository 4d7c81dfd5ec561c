#include "app/commands.h"
#include "app/engine_library.h"

#include <memory>

namespace sslrun::app {

void add_pretrain(CLI::App& root) {
  auto options = std::make_shared<train::PretrainOptions>();
  CLI::App* cmd = root.add_subcommand(
      "pretrain",
      "Train an encoder from a recipe; again with the same recipe: go on where it stopped");
  cmd->footer(
      "Example:\n  sslrun pretrain configs/quickstart.yaml --set schedule.epochs=20\n"
      "Ctrl-C saves; the same command goes on from there. See sslrun explain exit-codes.");
  cmd->add_option("recipe", options->recipe, "recipe file")->required();
  cmd->add_option(
         "--set", options->overrides, "KEY=VALUE in place of the recipe's; may be repeated")
      ->allow_extra_args(false);
  cmd->add_option("--out", options->out, "run folder (default: runs/<recipe name>)");
  cmd->add_option("--devices",
                  options->devices,
                  "auto, cpu, cpu:N (N processes), cuda (a process per GPU) or cuda:0,2; under "
                  "srun, torchrun "
                  "and mpirun a process takes its place from them")
      ->capture_default_str();
  cmd->add_option("--peer-timeout",
                  options->peer_timeout,
                  "minutes that a process waits for another before it says which and ends with 9")
      ->check(CLI::Range(0.01, 1440.0))
      ->capture_default_str();
  cmd->add_flag(
      "--overwrite", options->overwrite, "start afresh: removes the run that the folder holds");
  cmd->add_flag("--dry-run", options->dry_run, "check recipe, data and device, and write nothing");
  cmd->callback([options] {
    if (const int status = open_engine().pretrain(*options); status != 0)
      throw CLI::RuntimeError(status);
  });
}

}  // namespace sslrun::app
