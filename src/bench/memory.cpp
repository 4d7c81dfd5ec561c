#include "bench/memory.h"

#include <malloc.h>

#include <cstdlib>
#include <fstream>
#include <string>

namespace sslrun::bench {
namespace {

double kib_line_mb(const std::string& path, const std::string& key) {
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with(key + ":"))
      return std::strtod(line.c_str() + key.size() + 1, nullptr) / 1024;
  }
  return 0;
}

}  // namespace

double resident_mb() {
  return kib_line_mb("/proc/self/status", "VmRSS");
}

bool reset_peak() {
  malloc_trim(0);
  std::ofstream file("/proc/self/clear_refs");  // man 5 proc: 5 resets VmHWM
  file << "5" << std::flush;
  return file.good();
}

double peak_resident_mb(const std::string& process) {
  return kib_line_mb("/proc/" + process + "/status", "VmHWM");
}

double proportional_mb(const std::string& process) {
  return kib_line_mb("/proc/" + process + "/smaps_rollup", "Pss");
}

}  // namespace sslrun::bench
