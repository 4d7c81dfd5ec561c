// The program: parses the command line, runs one command, turns an exception into an exit status.
// The only catch.
#include "app/commands.h"
#include "base/error.h"
#include "base/terminal.h"
#include "config/diagnostic.h"

#include <fmt/core.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <map>
#include <new>
#include <string>

namespace {

constexpr int kMemoryExit = 7, kStorageExit = 8;

int report(const sslrun::config::ConfigError& e) {
  const bool color = sslrun::use_color(STDERR_FILENO);
  const auto& found = e.diagnostics();
  for (const auto& mistake : found)
    fmt::print(stderr, "{}\n", sslrun::config::render(mistake, color));
  fmt::print(stderr,
             "sslrun: {} mistake{} in the recipe; `sslrun explain {}` says more\n",
             found.size(),
             found.size() == 1 ? "" : "s",
             found.empty() ? "" : found.front().code);
  return e.exit_code();
}

void declare(CLI::App& root) {
  root.require_subcommand(1);
  root.fallthrough();  // the options below may stand behind the command too
  static const std::map<std::string, sslrun::Color> colors{{"auto", sslrun::Color::kAuto},
                                                           {"always", sslrun::Color::kAlways},
                                                           {"never", sslrun::Color::kNever}};
  root.add_option_function<std::string>(
          "--color",
          [](const std::string& when) { sslrun::set_color(colors.at(when)); },
          "auto (the default: on a terminal; NO_COLOR and CLICOLOR_FORCE are honoured), always or "
          "never")
      ->check(CLI::IsMember({"auto", "always", "never"}))
      ->trigger_on_parse();
  root.footer(
      "Example:\n  sslrun config init recipe.yaml\n  sslrun pretrain recipe.yaml\n  sslrun "
      "linear-probe runs/recipe");
#define COMMAND(name) sslrun::app::add_##name(root);
#include "app/commands/commands.def"
#undef COMMAND
}

int run(int argc, char** argv) {
  CLI::App root{"Self-supervised pretraining from a recipe", "sslrun"};
  declare(root);
  try {
    root.parse(argc, argv);
    return 0;
  } catch (const CLI::RuntimeError& e) {
    return e.get_exit_code();  // a command's own status: stopped and saved
  } catch (const CLI::ParseError& e) {
    return root.exit(e) == 0 ? 0 : 2;
  }
}

}  // namespace

int main(int argc, char** argv) {
  std::signal(SIGXFSZ, SIG_IGN);  // a write beyond the limit then fails with EFBIG, and is reported
  try {
    return run(argc, argv);
  } catch (const sslrun::config::ConfigError& e) {
    return report(e);
  } catch (const sslrun::Error& e) {
    fmt::print(stderr, "sslrun: {}\n", e.what());
    return e.exit_code();
  } catch (const std::filesystem::filesystem_error& e) {
    fmt::print(stderr, "sslrun: {}\n", e.what());
    return kStorageExit;
  } catch (const std::bad_alloc&) {
    fmt::print(
        stderr,
        "sslrun: the memory does not suffice; lower train.batch_size or raise train.accumulate\n");
    return kMemoryExit;
  } catch (const std::exception& e) {
    fmt::print(stderr,
               "sslrun: internal error: {}\nThis is a bug in sslrun: please report it with the "
               "command you gave.\n",
               e.what());
    return 1;
  }
}
