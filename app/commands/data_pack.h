#pragma once
#include <CLI/CLI.hpp>

namespace sslrun::app {

/// `sslrun data pack`, below the group `data`.
void add_data_pack(CLI::App& data);

}  // namespace sslrun::app
