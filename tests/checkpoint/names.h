#pragma once
#include <filesystem>
#include <set>
#include <string>

namespace sslrun::test {

/// Of what lies in a run's checkpoints/.
inline std::set<std::string> checkpoint_names(const std::filesystem::path& run) {
  std::set<std::string> out;
  for (const auto& entry : std::filesystem::directory_iterator(run / "checkpoints"))
    out.insert(entry.path().filename().string());
  return out;
}

}  // namespace sslrun::test
