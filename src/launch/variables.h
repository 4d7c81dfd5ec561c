// The environment variables of one program that starts processes, and what to say of them.
#pragma once
#include "launch/environment.h"

#include <cstdint>
#include <initializer_list>
#include <limits>
#include <optional>
#include <string>
#include <vector>

namespace sslrun::launch {

/// All members throw UsageError "<source>: <what is wrong>; <what to do>".
class Variables {
 public:
  /// names: the variables that the source sets, in the order of messages. lookup outlives this.
  Variables(const Lookup& lookup,
            std::string source,
            std::vector<const char*> names,
            std::string advice)
      : lookup_(lookup),
        source_(std::move(source)),
        names_(std::move(names)),
        advice_(std::move(advice)) {}

  std::optional<std::string> text(const char* name) const { return lookup_(name); }

  /// errors    where it is set and not a whole number from `low` to `high`.
  std::optional<std::int64_t> number(const char* name,
                                     std::int64_t low = 0,
                                     std::int64_t high = 1'000'000'000) const;

  /// errors    as number(), and where it is not set.
  std::int64_t need(const char* name,
                    std::int64_t low = 0,
                    std::int64_t high = 1'000'000'000) const;

  /// The number `name`, which must be less than the number `limit`.
  std::int64_t below(const char* name, const char* limit) const;
  /// The number `name` from 1 to the number `limit`.
  std::int64_t at_most(const char* name, const char* limit) const;

  /// errors    where one of these is not set: names all of them, and what is set.
  void require(const std::vector<const char*>& needed) const;

  void require_all() const { require(names_); }

  [[noreturn]] void contradict(const char* one, const char* other) const;

  [[noreturn]] void fail(const std::string& what) const { fail(what, advice_); }

  [[noreturn]] void fail(const std::string& what, const std::string& advice) const;

 private:
  const Lookup& lookup_;
  std::string source_;
  std::vector<const char*> names_;
  std::string advice_;
};

}  // namespace sslrun::launch
