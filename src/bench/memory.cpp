#include "bench/memory.h"

#include <cstdlib>
#include <fstream>
#include <string>

namespace sslrun::bench {
namespace {

double status_mb(const std::string& key) {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with(key + ":")) return std::strtod(line.c_str() + key.size() + 1, nullptr) / 1024;
  }
  return 0;
}

}  // namespace

double resident_mb() {
  return status_mb("VmRSS");
}

void reset_peak() {
  std::ofstream("/proc/self/clear_refs") << "5";  // man proc_pid_clear_refs: resets VmHWM
}

double peak_resident_mb() {
  return status_mb("VmHWM");
}

}  // namespace sslrun::bench
