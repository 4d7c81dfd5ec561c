#include "app/commands.h"
#include "app/engine_library.h"
#include "data/source.h"

#include <memory>

namespace sslrun::app {

void add_knn(CLI::App& root) {
  auto options = std::make_shared<eval::KnnOptions>();
  CLI::App* cmd = root.add_subcommand(
      "knn", "Weighted k-NN accuracy of a run's features, over a table of k and temperature");
  cmd->footer(
      "Example:\n  sslrun knn runs/quickstart\n  sslrun knn runs/quickstart --data ~/data/flowers "
      "--json");
  cmd->add_option("run", options->run, "run folder")->required();
  cmd->add_option("--data",
                  options->data,
                  "labelled images with train and val parts (default: the recipe's data)");
  cmd->add_option("--format", options->format, data::format_names())->capture_default_str();
  cmd->add_option("--devices", options->devices, "auto, cpu, cuda or cuda:N")
      ->capture_default_str();
  cmd->add_flag("--json", options->json, "one JSON object on stdout");
  cmd->callback([options] { open_engine().knn(*options); });
}

}  // namespace sslrun::app
