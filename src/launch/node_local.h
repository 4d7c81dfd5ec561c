#pragma once
#include <filesystem>

namespace sslrun::launch {

/// Whether a path, which need not exist yet, lies where other machines cannot see it: in /tmp, /var/tmp
/// or in memory.
bool is_node_local(const std::filesystem::path& path);

}  // namespace sslrun::launch
