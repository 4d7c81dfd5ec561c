#include "bench/bench.h"

#include "base/clock.h"
#include "base/cpu.h"
#include "base/error.h"
#include "base/log.h"
#include "bench/case.h"
#include "bench/memory.h"
#include "bench/method_step.h"
#include "bench/report.h"
#include "config/nearest.h"
#include "ops/threads.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstdio>
#include <filesystem>

namespace sslrun::bench {

#define CASE(name) extern const Case case_##name;
#include "bench/cases.def"
#undef CASE

namespace {

std::vector<Case> chosen(const std::vector<std::string>& names) {
  std::vector<Case> out;
  std::vector<std::string> known;
  for (const Case* c : all_cases()) {
    known.emplace_back(c->name);
    known.emplace_back(c->group);
  }
  if (names.empty())
    throw UsageError(
        "bench: at least one case or group must be named; `sslrun bench list` shows them");
  for (const std::string& name : names) {
    bool found = false;
    for (const Case* c : all_cases()) {
      if (c->name != name && c->group != name) continue;
      found = true;
      const auto same = [c](const Case& other) { return other.name == c->name; };
      if (std::none_of(out.begin(), out.end(), same)) out.push_back(*c);
    }
    if (found) continue;
    const std::string near = config::nearest(name, known);
    throw UsageError(fmt::format(
        "bench: a case or group must be one of those of `sslrun bench list`, got '{}'{}",
        name,
        near.empty() ? "" : fmt::format("; did you mean '{}'?", near)));
  }
  return out;
}

double sample_of(const Contender& c, std::string_view unit) {
  const Stopwatch watch;
  c.once();
  const double seconds = c.seconds ? c.seconds() : watch.seconds();
  if (is_rate(unit)) return c.items / seconds;
  return unit == "ms" ? 1e3 * seconds : seconds;
}

/// A repetition of its own, because giving memory back first would slow down one that is timed.
std::optional<double> peak_of(const Contender& c, Memory kind) {
  if (!reset_peak()) return std::nullopt;
  const double before = kind == Memory::kExtra ? resident_mb() : 0;
  c.once();
  return std::max(0.0, peak_resident_mb() - before);
}

/// Every contender once to warm up and once for its memory, then `reps` rounds in which they take
/// turns.
std::vector<Line> measure(const Case& c, const Prepared& prepared, std::int64_t reps) {
  std::vector<std::pair<std::string, std::string>> versions{{"sslrun", SSLRUN_VERSION}};
  versions.insert(versions.end(), prepared.versions.begin(), prepared.versions.end());
  std::vector<Line> lines;
  for (const Contender& contender : prepared.contenders) {
    contender.once();
    lines.push_back({.tool = contender.tool,
                     .name = c.name + contender.suffix,
                     .unit = std::string(c.unit),
                     .samples = {},
                     .rss_mb = {},
                     .versions = versions,
                     .note = prepared.note,
                     .ratio = {},
                     .rss_ratio = {}});
  }
  const bool peak = c.memory == Memory::kExtra || c.memory == Memory::kPeak;
  for (std::size_t i = 0; peak && i < lines.size(); ++i) {
    lines[i].rss_mb = peak_of(prepared.contenders[i], c.memory);
  }
  for (std::int64_t r = 0; r < reps; ++r) {
    for (std::size_t i = 0; i < lines.size(); ++i)
      lines[i].samples.push_back(sample_of(prepared.contenders[i], c.unit));
  }
  for (std::size_t i = 0; c.memory == Memory::kShare && i < lines.size(); ++i) {
    lines[i].rss_mb =
        prepared.contenders[i].memory ? prepared.contenders[i].memory() : proportional_mb();
  }
  for (std::size_t i = 1, n = lines.size(); i < n; ++i)
    lines.push_back(compare(lines[0], lines[i]));
  return lines;
}

std::string_view meaning(Memory memory) {
  switch (memory) {
    case Memory::kExtra:
      return "MiB above what was resident before a repetition (VmHWM, reset through clear_refs, "
             "less VmRSS)";
    case Memory::kPeak:
      return "MiB resident at most, the whole process (VmHWM, reset through clear_refs)";
    case Memory::kShare:
      return "MiB of the process, shared pages counted in part (Pss)";
    case Memory::kNone:
      return "memory is not measured";
  }
  return "";
}

void list(bool json) {
  if (json) {
    nlohmann::ordered_json out = nlohmann::ordered_json::array();
    for (const Case* c : all_cases())
      out.push_back(
          {{"name", c->name}, {"group", c->group}, {"unit", c->unit}, {"summary", c->summary}});
    return fmt::print("{}\n", out.dump());
  }
  for (const Case* c : all_cases())
    fmt::print("{:20} {:8} {:9} {}\n", c->name, c->group, c->unit, c->summary);
}

}  // namespace

std::vector<const Case*> all_cases() {
  return {
#define CASE(name) &case_##name,
#include "bench/cases.def"
#undef CASE
  };
}

void run_bench(const BenchOptions& options) {
  if (options.cases == std::vector<std::string>{"list"}) return list(options.json);
  if (options.threads < 0)
    throw UsageError(fmt::format("bench: --threads must be 0 (one per processor) or more, got {}",
                                 options.threads));
  if (options.reps < 1)
    throw UsageError(fmt::format("bench: --reps must be 1 or more, got {}", options.reps));
  if (!options.method.empty() && options.cases != std::vector<std::string>{"step"})
    throw UsageError("bench: --method times training steps; name the group step and nothing else");
  const std::vector<Case> cases =
      options.method.empty() ? chosen(options.cases) : method_cases(options.method);
  const CaseSettings settings{.threads = options.threads > 0 ? options.threads : cpu_count(),
                              .data = options.data,
                              .program = std::filesystem::read_symlink("/proc/self/exe").string()};
  ops::use_threads(static_cast<int>(settings.threads));
  log::info("{} threads on {}; tools of a case take turns", settings.threads, cpu_name());
  for (const Case& c : cases) {
    std::fflush(stdout);
    const Prepared prepared = c.prepare(settings);
    log::info("{}: {}; {}", c.name, prepared.note, meaning(c.memory));
    std::vector<Line> lines = measure(c, prepared, options.reps);
    if (prepared.verdict) {
      const std::string verdict = prepared.verdict();
      log::info("{}: {}", c.name, verdict);
      for (Line& line : lines) line.note += "; " + verdict;
    }
    if (!options.json && c.name == cases.front().name) fmt::print("{}\n", table_head());
    for (const Line& line : lines) fmt::print("{}\n", options.json ? to_json(line) : to_row(line));
  }
}

}  // namespace sslrun::bench
