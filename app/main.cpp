// The program: parses the command line, runs one command, turns an exception into an exit status. The only catch.
#include "app/commands.h"
#include "base/error.h"

#include <fmt/core.h>

#include <cstdio>
#include <exception>

int main(int argc, char** argv) {
  CLI::App root{"Self-supervised pretraining from a recipe", "sslrun"};
  root.require_subcommand(1);
  root.footer("Example:\n  sslrun explain exit-codes");
#define COMMAND(name) sslrun::app::add_##name(root);
#include "app/commands/commands.def"
#undef COMMAND
  try {
    root.parse(argc, argv);
    return 0;
  } catch (const CLI::ParseError& e) {
    return root.exit(e) == 0 ? 0 : 2;
  } catch (const sslrun::Error& e) {
    fmt::print(stderr, "sslrun: {}\n", e.what());
    return e.exit_code();
  } catch (const std::exception& e) {
    fmt::print(stderr,
               "sslrun: internal error: {}\nThis is a bug in sslrun: please report it with the command you gave.\n",
               e.what());
    return 1;
  }
}
