#include "base/job_end.h"

#include "base/env.h"
#include "base/shell.h"

#include <charconv>
#include <cstdint>
#include <string>

namespace sslrun {
namespace {

std::optional<std::int64_t> whole_number(std::string_view text) {
  std::int64_t value = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc() || stop != end || text.empty() || value < 0) return std::nullopt;
  return value;
}

}  // namespace

std::optional<std::time_t> parse_local_time(std::string_view text) {
  std::tm parts{};
  const std::string copy(text);
  const char* const rest = strptime(copy.c_str(), "%Y-%m-%dT%H:%M:%S", &parts);
  if (rest == nullptr || (*rest != '\0' && *rest != '\n')) return std::nullopt;
  parts.tm_isdst = -1;
  return std::mktime(&parts);
}

std::optional<std::time_t> job_end() {
  if (const auto end = env("SLURM_JOB_END_TIME")) return whole_number(*end);
  const auto job = env("SLURM_JOB_ID");
  if (!job || !whole_number(*job)) return std::nullopt;
  // A controller that does not answer must not hold up the start.
  return parse_local_time(
      output_of("timeout 10 squeue -h -j " + *job + " -o %e 2>/dev/null").value_or(""));
}

}  // namespace sslrun
