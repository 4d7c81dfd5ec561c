#include "app/commands.h"
#include "base/error.h"

#include <fmt/format.h>

#include <array>
#include <memory>
#include <string>
#include <string_view>

namespace sslrun::app {
namespace {

struct Explained {
  std::string_view code, what;
};

constexpr std::array<Explained, 14> kExitCodes{{{"0", "done"},
                                                {"1", "a bug in sslrun: please report it"},
                                                {"2", "usage: the command line"},
                                                {"3", "the recipe"},
                                                {"4", "the data"},
                                                {"5", "a checkpoint"},
                                                {"6", "numerics: a loss or gradient that is not finite"},
                                                {"7", "out of memory"},
                                                {"8", "storage: a file could not be written or read"},
                                                {"9", "a peer process was lost"},
                                                {"10", "a device is not there or failed"},
                                                {"75", "saved before the end: give the same command again"},
                                                {"130", "stopped by Ctrl-C (SIGINT), saved"},
                                                {"143", "stopped by SIGTERM, saved"}}};

void explain(const std::string& code) {
  const bool all = code == "exit-codes";
  bool found = false;
  for (const Explained& e : kExitCodes) {
    if (!all && e.code != code) continue;
    fmt::print("{:>3}  {}\n", e.code, e.what);
    found = true;
  }
  if (!found)
    throw UsageError(fmt::format("explain: the code must be an exit code or 'exit-codes', got '{}'; see sslrun explain exit-codes",
                                 code));
}

}  // namespace

void add_explain(CLI::App& root) {
  auto code = std::make_shared<std::string>();
  CLI::App* cmd = root.add_subcommand("explain", "Say what an exit code means");
  cmd->footer("Example:\n  sslrun explain 75\n  sslrun explain exit-codes");
  cmd->add_option("code", *code, "an exit code, or exit-codes for all of them")->required();
  cmd->callback([code] { explain(*code); });
}

}  // namespace sslrun::app
