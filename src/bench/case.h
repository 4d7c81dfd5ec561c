// What a benchmark is: something to do again and again, by one or more tools in turn.
#pragma once
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sslrun::bench {

struct CaseSettings {
  std::int64_t threads = 1;
  std::string data;     // folder of JPEG files; empty: each case makes its own
  std::string program;  // the sslrun that is started, for startup and processes
};

/// One way to do a case's work.
struct Contender {
  std::string tool;
  std::string
      suffix;  // of the case's name, where the work is not that of the case itself: "_eager"
  std::function<void()> once;  // one repetition
  double items = 0;            // done in a repetition; 0: the time itself is the result
  /// Seconds that count, where they are not those of once(); null: they are.
  std::function<double()> seconds = nullptr;
  /// MiB to report, asked after the repetitions; null: as Case::memory says.
  std::function<double()> memory = nullptr;
};

/// What rss_mb is.
enum class Memory {
  kExtra,  // most that was resident during a repetition, above what was before it
  kPeak,   // most that was resident during a repetition, all of the process
  kShare,  // the process's proportional share of memory, once after the repetitions
  kNone,   // not measured
};

/// What a case has made ready: who takes turns, what to say about it, what versions matter.
struct Prepared {
  std::vector<Contender> contenders;
  std::string note;
  /// What the repetitions showed, asked after them; null: nothing.
  std::function<std::string()> verdict = nullptr;
  std::vector<std::pair<std::string, std::string>> versions;
};

struct Case {
  std::string name;
  std::string_view group, unit;  // unit: "images/s", "views/s" (items per second), "ms" or "s"
  std::string_view summary;
  Memory memory;
  /// What there is to time; made afresh for each run of the case. Whatever it needs lives in the
  /// functions.
  std::function<Prepared(const CaseSettings& settings)> prepare;
};

/// Every case, in the order of cases.def.
std::vector<const Case*> all_cases();

}  // namespace sslrun::bench
