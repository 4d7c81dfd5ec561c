#pragma once
#include <CLI/CLI.hpp>

namespace sslrun::app {

/// Declares `sslrun data preview` below `data`.
void add_data_preview(CLI::App& data);

}  // namespace sslrun::app
