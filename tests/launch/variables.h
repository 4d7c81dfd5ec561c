// An environment written as one line.
#pragma once
#include "launch/environment.h"

#include <map>
#include <sstream>
#include <string>

namespace sslrun::test {

/// The place that "A=1 B=2" and nothing else gives on a machine named "here".
inline launch::Environment detect(const std::string& variables, std::int64_t parent = 1) {
  std::map<std::string, std::string> set;
  std::istringstream words(variables);
  for (std::string word; words >> word;) {
    const std::size_t equals = word.find('=');
    set[word.substr(0, equals)] = word.substr(equals + 1);
  }
  return launch::detect_environment(
      [&](const char* name) {
        const auto found = set.find(name);
        return found == set.end() ? std::nullopt : std::optional<std::string>(found->second);
      },
      {"here", parent});
}

}  // namespace sslrun::test
