#include "app/commands.h"
#include "app/engine_library.h"

#include <memory>

namespace sslrun::app {

void add_bench(CLI::App& root) {
  auto options = std::make_shared<bench::BenchOptions>();
  CLI::App* cmd = root.add_subcommand(
      "bench",
      "Time the loader, the loss, a training step, the start and two processes on this machine");
  cmd->footer(
      "Example:\n  sslrun bench list\n  sslrun bench loss step\n  sslrun bench step --method all\n "
      " "
      "sslrun bench loader --data ~/photos --json");
  cmd->add_option("case",
                  options->cases,
                  "cases or groups (loader, loss, step, startup, processes), or list")
      ->required();
  cmd->add_option("--method",
                  options->method,
                  "with step: a step of this method as its shipped recipe has it, or of all");
  cmd->add_option("--threads", options->threads, "0: one per processor")
      ->capture_default_str()
      ->check(CLI::Range(0, 1024));
  cmd->add_option("--reps", options->reps, "repetitions of each")
      ->capture_default_str()
      ->check(CLI::Range(1, 1000000));
  cmd->add_option("--data",
                  options->data,
                  "folder of JPEG files, for loader and startup (default: synthetic ones)");
  cmd->add_flag("--json", options->json, "one JSON object a line");
  cmd->callback([options] { open_engine().bench(*options); });
}

}  // namespace sslrun::app
