#include "base/log.h"

#include "base/terminal.h"

#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <memory>
#include <string>

namespace sslrun::log {
namespace {

spdlog::level::level_enum to_spdlog(Level level) {
  switch (level) {
    case Level::kDebug:
      return spdlog::level::debug;
    case Level::kWarning:
      return spdlog::level::warn;
    case Level::kError:
      return spdlog::level::err;
    case Level::kInfo:
      break;
  }
  return spdlog::level::info;
}

spdlog::logger& people() {
  static const auto logger = [] {
    auto sink = std::make_shared<spdlog::sinks::stderr_color_sink_mt>(
        use_color(STDERR_FILENO) ? spdlog::color_mode::always : spdlog::color_mode::never);
    auto made = std::make_shared<spdlog::logger>("people", sink);
    made->set_pattern("%^%l%$: %v");
    return made;
  }();
  return *logger;
}

std::shared_ptr<spdlog::logger> machines;

std::string json_escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (static_cast<unsigned char>(c) < 0x20) {
      out += fmt::format("\\u{:04x}", static_cast<int>(c));
    } else {
      out += c;
    }
  }
  return out;
}

}  // namespace

void write(Level level, std::string_view line) {
  const auto to = to_spdlog(level);
  if (level == Level::kInfo) {
    fmt::print(stderr, "{}\n", line);
  } else {
    people().log(to, line);
  }
  if (machines) machines->log(to, json_escaped(line));
}

void open_json(const std::filesystem::path& path) {
  std::shared_ptr<spdlog::sinks::basic_file_sink_mt> sink;
  try {
    sink = std::make_shared<spdlog::sinks::basic_file_sink_mt>(path.string());
  } catch (const spdlog::spdlog_ex& e) {
    return warn("no log is written: {}", e.what());
  }
  machines = std::make_shared<spdlog::logger>("machines", sink);
  machines->set_error_handler([](const std::string&) {});
  machines->set_pattern(R"({"time":"%Y-%m-%dT%H:%M:%S.%e%z","level":"%l","event":"%v"})");
  machines->flush_on(spdlog::level::info);
}

}  // namespace sslrun::log
