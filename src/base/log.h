#pragma once
#include <fmt/format.h>

#include <filesystem>
#include <string_view>
#include <utility>

namespace sslrun::log {

enum class Level { kDebug, kInfo, kWarning, kError };

/// One line to stderr, and to the file of open_json where one is open. The event first, then
/// key=value.
void write(Level level, std::string_view line);

/// From now on every line also goes to `path`, one JSON object each. A log that cannot be written
/// never stops a run.
void open_json(const std::filesystem::path& path);

template <class... A>
void debug(fmt::format_string<A...> text, A&&... args) {
  write(Level::kDebug, fmt::format(text, std::forward<A>(args)...));
}

template <class... A>
void info(fmt::format_string<A...> text, A&&... args) {
  write(Level::kInfo, fmt::format(text, std::forward<A>(args)...));
}

/// Something to act on.
template <class... A>
void warn(fmt::format_string<A...> text, A&&... args) {
  write(Level::kWarning, fmt::format(text, std::forward<A>(args)...));
}

template <class... A>
void error(fmt::format_string<A...> text, A&&... args) {
  write(Level::kError, fmt::format(text, std::forward<A>(args)...));
}

}  // namespace sslrun::log
