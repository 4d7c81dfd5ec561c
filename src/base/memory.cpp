#include "base/memory.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>

#ifdef __GLIBC__
#include <malloc.h>
#endif

namespace sslrun {
namespace {

namespace fs = std::filesystem;

// The number after `key` in a file of lines "key number ...".
std::optional<std::int64_t> number_after(const fs::path& file, const std::string& key) {
  std::ifstream in(file);
  for (std::string word; in >> word;) {
    std::int64_t value = 0;
    if (word == key && in >> value) return value;
  }
  return std::nullopt;
}

// A file that holds one number. Nothing where it is absent or says "max".
std::optional<std::int64_t> number_in(const fs::path& file) {
  std::ifstream in(file);
  std::int64_t value = 0;
  if (in >> value) return value;
  return std::nullopt;
}

// Where the control group of this process lies below the root of its hierarchy: that of version 2, whose
// controllers are not named, or version 1's of that controller. Nothing where there is none.
std::optional<std::string> control_group(const std::string& controller) {
  std::ifstream in("/proc/self/cgroup");
  for (std::string line; std::getline(in, line);) {  // number:controller,controller:path
    const std::size_t first = line.find(':'), second = line.find(':', first + 1);
    if (second == std::string::npos) continue;
    const std::string controllers = "," + line.substr(first + 1, second - first - 1) + ",";
    if (controllers.find("," + controller + ",") != std::string::npos)
      return line.substr(second + 1);
  }
  return std::nullopt;
}

// The names of one version's files.
struct GroupFiles {
  fs::path root;
  std::string controller, limit, used, cached;
};

// What the limits of the group, and of those around it, leave; `least` where they leave more.
std::int64_t left_by_groups(const GroupFiles& names, std::int64_t least) {
  const auto own = control_group(names.controller);
  if (!own) return least;
  for (fs::path group = *own;; group = group.parent_path()) {
    const fs::path folder = names.root / group.relative_path();
    const auto limit = number_in(folder / names.limit), used = number_in(folder / names.used);
    if (limit && used) {
      // Pages of files count as used, and are given up when room is needed.
      const std::int64_t cached = number_after(folder / "memory.stat", names.cached).value_or(0);
      least = std::min(least, std::max<std::int64_t>(*limit - *used + cached, 0));
    }
    if (!group.has_relative_path()) break;
  }
  return least;
}

}  // namespace

std::int64_t free_memory() {
  const std::int64_t of_machine = number_after("/proc/meminfo", "MemAvailable:").value_or(0) * 1024;
  const std::int64_t left = left_by_groups({.root = "/sys/fs/cgroup",
                                            .controller = "",
                                            .limit = "memory.max",
                                            .used = "memory.current",
                                            .cached = "inactive_file"},
                                           of_machine);
  return left_by_groups({.root = "/sys/fs/cgroup/memory",
                         .controller = "memory",
                         .limit = "memory.limit_in_bytes",
                         .used = "memory.usage_in_bytes",
                         .cached = "total_inactive_file"},
                        left);
}

void keep_freed_memory() {
#ifdef __GLIBC__
  constexpr int kLargest =
      1 << 28;  // what is larger, a copy of a checkpoint, leaves when it is freed
  mallopt(M_MMAP_THRESHOLD, kLargest);
  mallopt(M_TRIM_THRESHOLD, -1);
#endif
}

}  // namespace sslrun
