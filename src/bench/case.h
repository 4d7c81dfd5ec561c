// What a benchmark is: something to do again and again, by one or more tools in turn.
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace sslrun::bench {

struct CaseSettings {
  std::int64_t threads = 1;
  std::string data;
};

/// One way to do a case's work.
struct Contender {
  std::string tool;
  std::function<void()> once;  // one repetition
  double items = 0;            // done in a repetition; 0: the time itself is the result
};

struct Case {
  std::string_view name, group, unit;  // unit: "images/s", "views/s" (items per second) or "ms"
  std::string_view summary;
  /// What there is to time; made afresh for each run of the case. Whatever it needs lives in the functions.
  std::vector<Contender> (*prepare)(const CaseSettings& settings);
};

/// Every case, in the order of cases.def.
std::vector<const Case*> all_cases();

}  // namespace sslrun::bench
