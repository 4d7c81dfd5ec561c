#include "base/memory.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>

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

// The control group of this process below the root of version 2, "/" for the root itself.
std::string control_group() {
  std::ifstream in("/proc/self/cgroup");
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with("0::")) return line.substr(3);
  }
  return "/";
}

}  // namespace

std::int64_t free_memory() {
  std::int64_t least = number_after("/proc/meminfo", "MemAvailable:").value_or(0) * 1024;
  const fs::path root = "/sys/fs/cgroup";
  // A group is also held to the limits of those around it.
  for (fs::path group = control_group();; group = group.parent_path()) {
    const fs::path folder = root / group.relative_path();
    const auto limit = number_in(folder / "memory.max"),
               used = number_in(folder / "memory.current");
    if (limit && used) {
      // Pages of files count as used, and are given up when room is needed.
      const std::int64_t cached = number_after(folder / "memory.stat", "inactive_file").value_or(0);
      least = std::min(least, std::max<std::int64_t>(*limit - *used + cached, 0));
    }
    if (!group.has_relative_path()) break;
  }
  return least;
}

}  // namespace sslrun
