#include "app/commands/data_source.h"

#include "base/error.h"
#include "base/terminal.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <mutex>

namespace sslrun::app {

std::unique_ptr<data::Source> SourceOptions::open(const std::string& from,
                                                  data::Split split) const {
  if (pixels.window[0] >= pixels.window[1]) {
    throw UsageError(
        fmt::format("--window must be two levels, the first below the second, got {} {}",
                    pixels.window[0],
                    pixels.window[1]));
  }
  return data::open_source(from, format, split, pixels);
}

void add_source_options(CLI::App& cmd, SourceOptions& o) {
  cmd.add_option("path", o.path, fmt::format("images: {}", data::kPathHelp))->required();
  cmd.add_option("--format", o.format, data::format_names())->capture_default_str();
  cmd.add_option("--channels", o.pixels.channels, "as the recipe's data.channels")
      ->check(CLI::Range(1, 64))
      ->capture_default_str();
  cmd.add_option("--bit-depth", o.pixels.bits, "as the recipe's data.bit_depth")
      ->check(CLI::IsMember({8, 16}))
      ->capture_default_str();
  cmd.add_option("--window", o.pixels.window, "as the recipe's data.window: two levels of 16 bits")
      ->type_name("LOW HIGH");
  cmd.add_flag("--json", o.json, "one JSON object on stdout");
}

std::function<void(std::int64_t)> image_progress(std::int64_t total, const char* verb) {
  const bool redraw = is_terminal(STDERR_FILENO);
  const std::int64_t step = std::max<std::int64_t>(total / (redraw ? 200 : 10), 1);
  const auto drawing = std::make_shared<std::mutex>();
  const auto drawn = std::make_shared<std::int64_t>(0);
  return [=](std::int64_t done) {
    const std::lock_guard lock(*drawing);
    if (done < *drawn + step && done != total) return;
    *drawn = done;
    fmt::print(stderr,
               "{}{} of {} images {}{}",
               redraw ? "\r" : "",
               done,
               total,
               verb,
               redraw && done != total ? "" : "\n");
  };
}

}  // namespace sslrun::app
