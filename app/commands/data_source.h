// What the data commands share: which images they look at, and how far they are.
#pragma once
#include "data/source.h"

#include <CLI/CLI.hpp>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

namespace sslrun::app {

struct SourceOptions {
  std::string path;
  std::string format = "auto";
  image::PixelFormat pixels;
  bool json = false;

  /// errors    UsageError where the window's first level is not below its second.
  std::unique_ptr<data::Source> open(const std::string& from, data::Split split) const;
};

/// The positional path, --format, --channels, --bit-depth, --window and --json.
void add_source_options(CLI::App& cmd, SourceOptions& o);

/// A line on stderr now and then, "<done> of <total> images <verb>", redrawn on a terminal. Called from
/// any thread.
std::function<void(std::int64_t)> image_progress(std::int64_t total, const char* verb);

}  // namespace sslrun::app
