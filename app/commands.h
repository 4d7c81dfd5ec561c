#pragma once
#include <CLI/CLI.hpp>

namespace sslrun::app {

// One add_<command>(root) per line of commands.def: declares the command's options and what it
// runs.
#define COMMAND(name) void add_##name(CLI::App& root);
#include "app/commands/commands.def"
#undef COMMAND

}  // namespace sslrun::app
