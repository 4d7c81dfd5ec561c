#include "app/commands.h"

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include <memory>

namespace sslrun::app {

void add_version(CLI::App& root) {
  auto json = std::make_shared<bool>(false);
  CLI::App* cmd =
      root.add_subcommand("version", "Print the version and how this program was built");
  cmd->footer("Example:\n  sslrun version --json");
  cmd->add_flag("--json", *json, "one JSON object on stdout");
  cmd->callback([json] {
    const nlohmann::ordered_json out = {{"version", SSLRUN_VERSION},
                                        {"commit", SSLRUN_COMMIT},
                                        {"libtorch", SSLRUN_LIBTORCH},
                                        {"cuda", SSLRUN_CUDA_VERSION},
                                        {"build", SSLRUN_BUILD_TYPE}};
    if (*json) return fmt::print("{}\n", out.dump());
    for (const auto& [key, value] : out.items())
      fmt::print("{:9} {}\n", key, value.get<std::string>());
  });
}

}  // namespace sslrun::app
