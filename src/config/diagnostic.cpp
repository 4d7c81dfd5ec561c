#include "config/diagnostic.h"

#include <fmt/format.h>

#include <algorithm>

namespace sslrun::config {
namespace {

constexpr std::size_t kShownColumns = 100;  // of a source line

struct Paint {
  const char *bold, *red, *cyan, *off;
};

constexpr Paint kPlain{"", "", "", ""};
constexpr Paint kColored{"\x1b[1m", "\x1b[1;31m", "\x1b[36m", "\x1b[0m"};

bool starts_character(char c) {
  return (static_cast<unsigned char>(c) & 0xC0) != 0x80;
}

// Characters of a UTF-8 text.
std::size_t width(std::string_view text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), starts_character));
}

// The source line and, below it, a caret under the span.
std::string excerpt(const Span& span, const Paint& paint) {
  std::string line(span.source->line(span.line));
  std::replace_if(
      line.begin(), line.end(), [](char c) { return static_cast<unsigned char>(c) < 0x20; }, ' ');
  std::size_t column = span.column > 0 ? static_cast<std::size_t>(span.column) - 1 : 0;
  column = std::min(column, line.size());
  if (line.size() > kShownColumns) {
    std::size_t first = column > kShownColumns / 2 ? column - kShownColumns / 2 : 0;
    while (first < line.size() && !starts_character(line[first])) ++first;
    std::size_t last = std::min(line.size(), first + kShownColumns);
    while (last < line.size() && !starts_character(line[last])) ++last;
    line = line.substr(first, last - first);
    column = column > first ? column - first : 0;
  }
  const std::string number = span.source->is_override ? "" : std::to_string(span.line);
  const std::size_t length =
      std::clamp<std::size_t>(static_cast<std::size_t>(std::max(span.length, 1)),
                              1,
                              std::max<std::size_t>(line.size() - column, 1));
  const std::size_t shown =
      std::max<std::size_t>(width(std::string_view(line).substr(column, length)), 1);
  return fmt::format("\n {:>4} | {}\n      | {}{}^{}{}",
                     number,
                     line,
                     std::string(width(line.substr(0, column)), ' '),
                     paint.red,
                     std::string(shown - 1, '~'),
                     paint.off);
}

std::string join(const std::vector<Diagnostic>& all) {
  std::string s;
  for (const Diagnostic& d : all) s += (s.empty() ? "" : "\n") + render(d);
  return s;
}

}  // namespace

std::string_view Source::line(int number) const {
  std::string_view rest = text;
  for (int i = 1; i < number; ++i) {
    const std::size_t end = rest.find('\n');
    if (end == std::string_view::npos) return {};
    rest.remove_prefix(end + 1);
  }
  rest = rest.substr(0, rest.find('\n'));
  if (!rest.empty() && rest.back() == '\r') rest.remove_suffix(1);
  return number < 1 ? std::string_view() : rest;
}

std::string Span::place() const {
  if (!source) return "recipe";
  if (source->is_override || line < 1) return source->name;
  return fmt::format("{}:{}:{}", source->name, line, std::max(column, 1));
}

std::string render(const Diagnostic& d, bool color) {
  const Paint& paint = color ? kColored : kPlain;
  std::string s = fmt::format(
      "{}{}: {}error[{}]{}: ", paint.bold, d.span.place(), paint.red, d.code, paint.off);
  if (!d.key.empty()) s += d.key + ": ";
  s += d.what;
  if (d.span.source && d.span.line > 0) s += excerpt(d.span, paint);
  if (!d.help.empty()) s += fmt::format("\n  {}help{}: {}", paint.cyan, paint.off, d.help);
  if (!d.note.empty()) s += fmt::format("\n  {}note{}: {}", paint.cyan, paint.off, d.note);
  return s;
}

ConfigError::ConfigError(std::vector<Diagnostic> found)
    : Error(kExitCode, join(found)),
      found_(std::make_shared<const std::vector<Diagnostic>>(std::move(found))) {}

}  // namespace sslrun::config
