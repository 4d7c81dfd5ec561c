#include "app/commands.h"
#include "app/engine_library.h"
#include "data/source.h"

#include <memory>

namespace sslrun::app {

void add_linear_probe(CLI::App& root) {
  auto options = std::make_shared<eval::LinearProbeOptions>();
  CLI::App* cmd = root.add_subcommand("linear-probe",
                                      "Accuracy of a linear classifier on a run's frozen features");
  cmd->footer(
      "Example:\n  sslrun linear-probe runs/quickstart\n  sslrun linear-probe runs/quickstart "
      "--data ~/data/flowers --json");
  cmd->add_option("run", options->run, "run folder")->required();
  cmd->add_option("--data",
                  options->data,
                  "labelled images with train and val parts (default: the recipe's data)");
  cmd->add_option("--format", options->format, data::format_names())->capture_default_str();
  cmd->add_option("--epochs", options->epochs, "passes over the training features")
      ->capture_default_str()
      ->check(CLI::Range(std::int64_t{1}, std::int64_t{100000}));
  cmd->add_option("--devices", options->devices, "auto, cpu, cuda or cuda:N")
      ->capture_default_str();
  cmd->add_flag("--json", options->json, "one JSON object on stdout");
  cmd->callback([options] { open_engine().linear_probe(*options); });
}

}  // namespace sslrun::app
