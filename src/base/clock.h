#pragma once
#include <chrono>
#include <string>

namespace sslrun {

/// Now, as 2026-01-31T23:59:59Z.
std::string utc_now();

/// Seconds since it was made, by the steady clock.
class Stopwatch {
 public:
  double seconds() const {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
  }

 private:
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

}  // namespace sslrun
