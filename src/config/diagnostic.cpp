#include "config/diagnostic.h"

#include <fmt/format.h>

#include <algorithm>

namespace sslrun::config {
namespace {

std::string join(const std::vector<Diagnostic>& all) {
  std::string text;
  for (const Diagnostic& d : all) text += to_string(d);
  text += fmt::format("{} mistake{} found; nothing was written", all.size(), all.size() == 1 ? "" : "s");
  return text;
}

}  // namespace

std::string to_string(const Diagnostic& d) {
  std::string text = d.span.line > 0 ? fmt::format("{}:{}:{}: ", d.span.file, d.span.line, d.span.column)
                                     : fmt::format("{}: ", d.span.file);
  text += fmt::format("error[{}]: {}{}{}\n", d.code, d.key, d.key.empty() ? "" : ": ", d.what);
  if (!d.line.empty()) {
    const std::string number = std::to_string(d.span.line);
    text += fmt::format("  {} | {}\n", number, d.line);
    text += fmt::format("  {:{}} | {:{}}^\n", "", number.size(), "", std::max(0, d.span.column - 1));
  }
  if (!d.help.empty()) text += fmt::format("  help: {}\n", d.help);
  return text;
}

ConfigError::ConfigError(std::vector<Diagnostic> found) : Error(3, join(found)), found_(std::move(found)) {}

}  // namespace sslrun::config
