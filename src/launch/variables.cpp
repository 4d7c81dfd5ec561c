#include "launch/variables.h"

#include "base/error.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace sslrun::launch {
namespace {

std::string joined(const std::vector<std::string>& words) {
  return fmt::format("{}", fmt::join(words, ", "));
}

}  // namespace

std::optional<std::int64_t> Variables::number(const char* name,
                                              std::int64_t low,
                                              std::int64_t high) const {
  const auto value = text(name);
  if (!value) return std::nullopt;
  std::int64_t n = 0;
  const char* const end = value->data() + value->size();
  const auto [stop, error] = std::from_chars(value->data(), end, n);
  if (error != std::errc() || stop != end || n < low || n > high)
    fail(fmt::format("{}={} must be a whole number from {} to {}", name, *value, low, high));
  return n;
}

std::int64_t Variables::need(const char* name, std::int64_t low, std::int64_t high) const {
  require({name});
  return *number(name, low, high);
}

std::int64_t Variables::below(const char* name, const char* limit) const {
  const std::int64_t n = need(name), most = need(limit);
  if (n >= most) fail(fmt::format("{}={} must be less than {}={}", name, n, limit, most));
  return n;
}

std::int64_t Variables::at_most(const char* name, const char* limit) const {
  const std::int64_t n = need(name, 1), most = need(limit);
  if (n > most) fail(fmt::format("{}={} must be at most {}={}", name, n, limit, most));
  return n;
}

void Variables::require(const std::vector<const char*>& needed) const {
  std::vector<std::string> missing, there;
  for (const char* name : needed)
    if (!text(name)) missing.emplace_back(name);
  if (missing.empty()) return;
  for (const char* name : names_)
    if (const auto value = text(name)) there.push_back(fmt::format("{}={}", name, *value));
  fail(fmt::format("{} {} missing beside {}",
                   joined(missing),
                   missing.size() == 1 ? "is" : "are",
                   there.empty() ? "what else it sets" : joined(there)));
}

void Variables::contradict(const char* one, const char* other) const {
  fail(fmt::format("{}={} contradicts {}={}", one, *text(one), other, *text(other)));
}

void Variables::fail(const std::string& what, const std::string& advice) const {
  throw UsageError(fmt::format("{}: {}; {}", source_, what, advice));
}

}  // namespace sslrun::launch
