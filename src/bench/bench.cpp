#include "bench/bench.h"

#include "base/clock.h"
#include "base/cpu.h"
#include "base/error.h"
#include "bench/case.h"
#include "bench/memory.h"
#include "config/nearest.h"
#include "ops/threads.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>

namespace sslrun::bench {

#define CASE(name) extern const Case case_##name;
#include "bench/cases.def"
#undef CASE

namespace {

struct Timing {
  std::string tool;
  std::vector<double> samples;
  double peak_mb = 0;  // above what was resident before a repetition

  double median() const {
    std::vector<double> sorted = samples;
    std::sort(sorted.begin(), sorted.end());
    const std::size_t n = sorted.size();
    return n % 2 == 1 ? sorted[n / 2] : (sorted[n / 2 - 1] + sorted[n / 2]) / 2;
  }
  double min() const { return *std::min_element(samples.begin(), samples.end()); }
  double max() const { return *std::max_element(samples.begin(), samples.end()); }
};

std::vector<const Case*> chosen(const std::vector<std::string>& names) {
  std::vector<const Case*> out;
  std::vector<std::string> known;
  for (const Case* c : all_cases()) {
    known.emplace_back(c->name);
    known.emplace_back(c->group);
  }
  for (const std::string& name : names) {
    const std::size_t before = out.size();
    for (const Case* c : all_cases()) {
      if (c->name == name || c->group == name) out.push_back(c);
    }
    if (out.size() != before) continue;
    const std::string near = config::nearest(name, known);
    throw UsageError(fmt::format("bench: a case or group must be one of those of `sslrun bench list`, got '{}'{}", name,
                                 near.empty() ? "" : fmt::format("; did you mean '{}'?", near)));
  }
  return out;
}

/// One repetition of each contender to warm up, then `reps` rounds in which they take turns.
std::vector<Timing> measure(const std::vector<Contender>& contenders, std::int64_t reps) {
  std::vector<Timing> timings;
  for (const Contender& c : contenders) {
    c.once();
    timings.push_back({.tool = c.tool, .samples = {}});
  }
  for (std::int64_t r = 0; r < reps; ++r) {
    for (std::size_t i = 0; i < contenders.size(); ++i) {
      const double before = resident_mb();
      reset_peak();
      const Stopwatch watch;
      contenders[i].once();
      const double seconds = watch.seconds();
      timings[i].samples.push_back(contenders[i].items > 0 ? contenders[i].items / seconds : 1e3 * seconds);
      timings[i].peak_mb = std::max(timings[i].peak_mb, peak_resident_mb() - before);
    }
  }
  return timings;
}

void print_json(const Case& c, const Timing& t) {
  fmt::print("{}\n", nlohmann::ordered_json{{"tool", t.tool}, {"case", c.name}, {"unit", c.unit}, {"samples", t.samples},
                                            {"median", t.median()}, {"min", t.min()}, {"max", t.max()}, {"reps", t.samples.size()},
                                            {"rss_mb", t.peak_mb}, {"versions", {{"libtorch", "2.11.0"}}}}
                         .dump());
}

void print_row(const Case& c, const Timing& t, const Timing& ours) {
  const double ratio = c.unit == "ms" ? t.median() / ours.median() : ours.median() / t.median();
  fmt::print("{:22} {:16} {:>10.2f} {:>10.2f} {:>10.2f} {:9} {:>9.1f}{}\n", c.name, t.tool, t.median(), t.min(), t.max(), c.unit, t.peak_mb,
             &t == &ours ? "" : fmt::format("   sslrun is {:.2f} times as fast", ratio));
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
  if (options.cases == std::vector<std::string>{"list"}) {
    for (const Case* c : all_cases()) fmt::print("{:22} {:8} {:9} {}\n", c->name, c->group, c->unit, c->summary);
    return;
  }
  const std::vector<const Case*> cases = chosen(options.cases);
  const CaseSettings settings{.threads = options.threads > 0 ? options.threads : cpu_count(), .data = options.data};
  ops::use_threads(static_cast<int>(settings.threads));
  if (!options.json) {
    fmt::print("{} threads on {}; median, least and most of {} repetitions, tools in turn\n", settings.threads, cpu_name(), options.reps);
    fmt::print("{:22} {:16} {:>10} {:>10} {:>10} {:9} {:>9}\n", "case", "tool", "median", "min", "max", "unit", "peak MiB");
  }
  for (const Case* c : cases) {
    const std::vector<Timing> timings = measure(c->prepare(settings), options.reps);
    for (const Timing& t : timings) options.json ? print_json(*c, t) : print_row(*c, t, timings.front());
  }
}

}  // namespace sslrun::bench
