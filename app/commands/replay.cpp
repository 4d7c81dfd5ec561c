#include "app/commands.h"
#include "app/engine_library.h"

#include <memory>

namespace sslrun::app {

void add_replay(CLI::App& root) {
  auto options = std::make_shared<train::ReplayOptions>();
  CLI::App* cmd = root.add_subcommand(
      "replay", "Run one step of a run again and compare it with the record; changes nothing");
  cmd->footer("Example:\n  sslrun replay runs/quickstart --step 120");
  cmd->add_option("run", options->run, "run folder")->required();
  cmd->add_option("--step", options->step, "which step, counted from 1")->required();
  cmd->add_option("--devices", options->devices, "auto, cpu, cuda or cuda:N")
      ->capture_default_str();
  cmd->add_flag("--json", options->json, "one JSON object on stdout");
  cmd->callback([options] { open_engine().replay(*options); });
}

}  // namespace sslrun::app
