// ${env:NAME}, ${env:NAME,default} and ~ in texts.
#pragma once
#include <optional>
#include <string>
#include <string_view>

namespace sslrun::config {

/// Why a text cannot be expanded.
struct ExpandProblem {
  const char* code;
  std::string what, help;
};

/// Replaces every ${env:...} of `text`, once; with_home: also a leading ~ or ~/. Leaves `text`
/// alone if there is a problem.
std::optional<ExpandProblem> expand(std::string& text, bool with_home);

}  // namespace sslrun::config
