#include "config/expand.h"

#include "base/env.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

namespace sslrun::config {
namespace {

constexpr std::string_view kPrefix = "env:";

bool is_name(std::string_view s) {
  const auto ok = [](unsigned char c) { return std::isalnum(c) != 0 || c == '_'; };
  return !s.empty() && std::all_of(s.begin(), s.end(), ok) &&
         std::isdigit(static_cast<unsigned char>(s[0])) == 0;
}

}  // namespace

std::optional<ExpandProblem> expand(std::string& text, bool with_home) {
  std::string done;
  std::string_view rest = text;
  if (with_home && (rest == "~" || rest.starts_with("~/"))) {
    const std::optional<std::string> home = env("HOME");
    if (!home)
      return ExpandProblem{
          "E0301", "~ needs the environment variable HOME, which is not set", "write the path out"};
    done = *home;
    rest.remove_prefix(1);
  }
  for (;;) {
    const std::size_t start = rest.find("${");
    done += rest.substr(0, start);
    if (start == rest.npos) break;
    const std::size_t end = rest.find('}', start);
    const std::string_view whole = rest.substr(start, end == rest.npos ? end : end - start + 1);
    if (end == rest.npos)
      return ExpandProblem{"E0302", fmt::format("'{}' must end with a brace", whole), "add '}'"};
    std::string_view inside = rest.substr(start + 2, end - start - 2);
    const bool prefixed = inside.starts_with(kPrefix);
    if (prefixed) inside.remove_prefix(kPrefix.size());
    const std::size_t comma = inside.find(',');
    const std::string name(inside.substr(0, comma));
    if (!prefixed || !is_name(name)) {
      return ExpandProblem{
          "E0302",
          fmt::format("must be ${{env:NAME}} or ${{env:NAME,default}}, got '{}'", whole),
          is_name(name) ? fmt::format("write ${{env:{}}}", name) : ""};
    }
    const std::optional<std::string> value = env(name.c_str());
    if (!value && comma == inside.npos) {
      return ExpandProblem{
          "E0301",
          fmt::format("the environment variable {} must be set", name),
          fmt::format("export {0}=..., or give a default: ${{env:{0},default}}", name)};
    }
    done += value ? std::string_view(*value) : inside.substr(comma + 1);
    rest.remove_prefix(end + 1);
  }
  text = std::move(done);
  return std::nullopt;
}

}  // namespace sslrun::config
