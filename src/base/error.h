#pragma once
#include <source_location>
#include <stdexcept>
#include <string>
#include <string_view>

namespace sslrun {

/// Base of everything sslrun throws on purpose. exit_code is the process exit status (`sslrun
/// explain exit-codes`). what(): lower case, no full stop: what must hold, what was got, where,
/// what to do.
class Error : public std::runtime_error {
 public:
  Error(int exit_code, const std::string& what) : std::runtime_error(what), exit_code_(exit_code) {}

  int exit_code() const noexcept { return exit_code_; }

 private:
  int exit_code_;
};

#define SSLRUN_ERROR(Name, code)                                  \
  class Name : public Error {                                     \
   public:                                                        \
    explicit Name(const std::string& what) : Error(code, what) {} \
  }
SSLRUN_ERROR(UsageError, 2);
SSLRUN_ERROR(DataError, 4);
SSLRUN_ERROR(CheckpointError, 5);
SSLRUN_ERROR(NumericsError, 6);
SSLRUN_ERROR(MemoryError, 7);
SSLRUN_ERROR(StorageError, 8);
SSLRUN_ERROR(PeerError, 9);
SSLRUN_ERROR(DeviceError, 10);
#undef SSLRUN_ERROR

/// An invariant of ours, checked in release too: a false condition is a bug in sslrun (exit 1),
/// never a user's mistake.
void check_invariant(bool holds,
                     std::string_view what,
                     std::source_location where = std::source_location::current());

}  // namespace sslrun
