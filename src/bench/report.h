// The lines that a benchmark prints.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sslrun::bench {

/// Median (of an even number: the mean of the middle two), least and most. At least one sample.
struct Spread {
  double median = 0, min = 0, max = 0;
};

Spread spread_of(std::vector<double> samples);

/// Whether more is better: "images/s", against "ms".
bool is_rate(std::string_view unit);

struct Line {
  std::string tool, name, unit;
  std::vector<double> samples;
  std::optional<double> rss_mb;
  std::vector<std::pair<std::string, std::string>> versions;
  std::string note;
  std::optional<double> ratio, rss_ratio;  // of a line that compares two others
};

/// How many times as good the first line is as the second, in medians, and in each pair of samples
/// that were taken in turn. Above 1 is better for the first. Named "<second's name>_ratio".
Line compare(const Line& ours, const Line& theirs);

/// {tool, case, unit, samples, median, min, max, reps, rss_mb, versions} and what else there is;
/// numbers to 6 digits.
std::string to_json(const Line& line);

/// A row of the table, and its head.
std::string to_row(const Line& line);
std::string table_head();

}  // namespace sslrun::bench
