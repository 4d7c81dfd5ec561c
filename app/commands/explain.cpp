#include "config/explain.h"

#include "app/commands.h"
#include "base/error.h"
#include "base/terminal.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <memory>
#include <string>
#include <string_view>

namespace sslrun::app {
namespace {

struct Explained {
  std::string_view code, what;
};

constexpr std::array<Explained, 14> kExitCodes{
    {{"0", "done"},
     {"1", "a bug in sslrun: please report it"},
     {"2", "usage: the command line"},
     {"3", "the recipe"},
     {"4", "the data"},
     {"5", "a checkpoint"},
     {"6",
      "numerics: a loss or gradient that is not finite and that train.on_nonfinite did not get "
      "past, or "
      "a collapse (diagnostics.on_collapse: stop)"},
     {"7", "out of memory"},
     {"8", "storage: a file could not be written or read"},
     {"9", "a peer process was lost"},
     {"10", "a device is not there or failed"},
     {"75", "saved before the end: give the same command again"},
     {"130", "stopped by Ctrl-C (SIGINT), saved"},
     {"143", "stopped by SIGTERM, saved"}}};

// A paragraph, broken at spaces to fit `columns`, indented by 2.
std::string wrap(std::string_view text, std::size_t columns) {
  std::string out;
  std::size_t used = columns;
  while (!text.empty()) {
    const std::string_view word = text.substr(0, text.find(' '));
    text.remove_prefix(std::min(text.size(), word.size() + 1));
    const bool fits = used + 1 + word.size() <= columns;
    out += fits ? " " : out.empty() ? "  " : "\n  ";
    used = (fits ? used + 1 : 2) + word.size();
    out += word;
  }
  return out;
}

void print_exit_codes() {
  for (const Explained& e : kExitCodes) fmt::print("{:>5}  {}\n", e.code, e.what);
}

void explain(std::string code) {
  if (code == "exit-codes") return print_exit_codes();
  if (code.empty() || code == "codes") {
    fmt::print("exit codes\n");
    print_exit_codes();
    fmt::print("\nmistakes in a recipe\n");
    for (const config::Explanation& e : config::explanations())
      fmt::print("{:>5}  {}\n", e.code, e.title);
    return;
  }
  for (const Explained& e : kExitCodes) {
    if (e.code == code) return fmt::print("{:>3}  {}\n", e.code, e.what);
  }
  if (code[0] == 'e') code[0] = 'E';
  const config::Explanation* found = config::explain(code);
  if (!found) {
    throw UsageError(
        fmt::format("explain: the code must be one that `sslrun explain` lists, got '{}'", code));
  }
  const auto columns =
      static_cast<std::size_t>(std::clamp(terminal_columns(STDOUT_FILENO), 40, 100));
  fmt::print("{}  {}\n\n{}\n", found->code, found->title, wrap(found->text, columns));
}

}  // namespace

void add_explain(CLI::App& root) {
  auto code = std::make_shared<std::string>();
  CLI::App* cmd = root.add_subcommand("explain", "Say what an exit code or an error code means");
  cmd->footer("Example:\n  sslrun explain E0203\n  sslrun explain 75\n  sslrun explain");
  cmd->add_option(
      "code", *code, "an error code, an exit code, exit-codes, or codes for all (the default)");
  cmd->callback([code] { explain(*code); });
}

}  // namespace sslrun::app
