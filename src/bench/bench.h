// The command `sslrun bench`: how fast is this machine.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

namespace sslrun::bench {

struct BenchOptions {
  std::vector<std::string> cases;  // names of cases or groups, or "list"
  std::string method = {};  // time its step, "all" for every method's; empty: the cases as they are
  std::int64_t threads = 0;  // 0: one per processor
  std::int64_t reps = 5;
  std::string data;  // folder of JPEG files, for loader and startup; empty: synthetic ones
  bool json = false;
};

/// Prints one line per case and tool to stdout: median, least and most of `reps` repetitions, which
/// alternate between the tools of a case, and a line with the ratio where there are two. With json:
/// one object a line {tool, case, unit, samples, median, min, max, reps, rss_mb, versions, note}.
/// What the numbers mean goes to stderr.
/// errors    UsageError for a case or method that there is not, threads < 0 or reps < 1; DataError where the
///           images cannot be used.
void run_bench(const BenchOptions& options);

}  // namespace sslrun::bench
