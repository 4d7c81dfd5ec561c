#include "launch/node_local.h"

#include <linux/magic.h>
#include <sys/statfs.h>

#include <string>

namespace sslrun::launch {

bool is_node_local(const std::filesystem::path& path) {
  std::filesystem::path there = std::filesystem::absolute(path).lexically_normal();
  const std::string text = there.string() + "/";
  if (text.starts_with("/tmp/") || text.starts_with("/var/tmp/")) return true;

  struct statfs system {};

  while (statfs(there.c_str(), &system) != 0 && there.has_relative_path())
    there = there.parent_path();
  return system.f_type == TMPFS_MAGIC || system.f_type == RAMFS_MAGIC;
}

}  // namespace sslrun::launch
