#include "bench/report.h"

#include "base/error.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstdlib>

namespace sslrun::bench {
namespace {

double six_digits(double x) {
  return std::strtod(fmt::format("{:.6g}", x).c_str(), nullptr);
}

/// Fixed point with four digits or more that mean something.
std::string digits(double x) {
  if (x >= 1000) return fmt::format("{:.0f}", x);
  return x >= 100  ? fmt::format("{:.1f}", x)
         : x >= 10 ? fmt::format("{:.2f}", x)
                   : fmt::format("{:.3f}", x);
}

}  // namespace

Spread spread_of(std::vector<double> samples) {
  check_invariant(!samples.empty(), "a spread has samples");
  std::sort(samples.begin(), samples.end());
  const std::size_t n = samples.size();
  return {(samples[(n - 1) / 2] + samples[n / 2]) / 2, samples.front(), samples.back()};
}

bool is_rate(std::string_view unit) {
  return unit.ends_with("/s");
}

Line compare(const Line& ours, const Line& theirs) {
  const auto quotient = [&](double us, double them) {
    return is_rate(ours.unit) ? us / them : them / us;
  };
  Line out{.tool = ours.tool,
           .name = theirs.name + "_ratio",
           .unit = "x",
           .samples = {},
           .rss_mb = {},
           .versions = ours.versions,
           .note = {},
           .ratio = quotient(spread_of(ours.samples).median, spread_of(theirs.samples).median),
           .rss_ratio = {}};
  for (std::size_t i = 0; i < std::min(ours.samples.size(), theirs.samples.size()); ++i) {
    out.samples.push_back(quotient(ours.samples[i], theirs.samples[i]));
  }
  if (ours.rss_mb && theirs.rss_mb && *ours.rss_mb > 0)
    out.rss_ratio = *theirs.rss_mb / *ours.rss_mb;
  return out;
}

std::string to_json(const Line& line) {
  const Spread spread = spread_of(line.samples);
  nlohmann::ordered_json out = {{"tool", line.tool},
                                {"case", line.name},
                                {"unit", line.unit},
                                {"samples", nlohmann::ordered_json::array()}};
  for (const double sample : line.samples) out["samples"].push_back(six_digits(sample));
  out["median"] = six_digits(spread.median);
  out["min"] = six_digits(spread.min);
  out["max"] = six_digits(spread.max);
  out["reps"] = line.samples.size();
  out["rss_mb"] = nullptr;
  if (line.rss_mb) out["rss_mb"] = six_digits(*line.rss_mb);
  out["versions"] = nlohmann::ordered_json::object();
  for (const auto& [name, version] : line.versions) out["versions"][name] = version;
  if (line.ratio) out["ratio"] = six_digits(*line.ratio);
  if (line.rss_ratio) out["rss_ratio"] = six_digits(*line.rss_ratio);
  if (!line.note.empty()) out["note"] = line.note;
  return out.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

std::string table_head() {
  return fmt::format("{:32} {:9} {:>9} {:>9} {:>9} {:9} {:>5} {:>9}",
                     "case",
                     "tool",
                     "median",
                     "min",
                     "max",
                     "unit",
                     "reps",
                     "MiB");
}

std::string to_row(const Line& line) {
  const Spread spread = spread_of(line.samples);
  // A ratio's median is that of the two medians; the spread is that of the pairs.
  return fmt::format("{:32} {:9} {:>9} {:>9} {:>9} {:9} {:>5} {:>9}",
                     line.name,
                     line.tool,
                     digits(line.ratio.value_or(spread.median)),
                     digits(spread.min),
                     digits(spread.max),
                     line.unit,
                     line.samples.size(),
                     line.rss_mb      ? fmt::format("{:.1f}", *line.rss_mb)
                     : line.rss_ratio ? fmt::format("x {:.1f}", *line.rss_ratio)
                                      : "");
}

}  // namespace sslrun::bench
