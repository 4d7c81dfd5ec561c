#pragma once
#include <cstdint>

namespace sslrun::views {

/// Where the pixel at (y, x) of an [n, n] plane comes from after this many quarter turns
/// counter-clockwise, 0 .. 3.
inline std::int64_t before_turns(std::int64_t y,
                                 std::int64_t x,
                                 std::int64_t n,
                                 std::int64_t turns) {
  switch (turns) {
    case 1:
      return x * n + n - 1 - y;
    case 2:
      return (n - 1 - y) * n + n - 1 - x;
    case 3:
      return (n - 1 - x) * n + y;
    default:
      return y * n + x;
  }
}

/// The [n, n] plane `from`, turned, into `to`, which does not overlap it. source: torch.rot90.
inline void turn_plane(const float* from, std::int64_t n, std::int64_t turns, float* to) {
  for (std::int64_t y = 0; y < n; ++y)
    for (std::int64_t x = 0; x < n; ++x) to[y * n + x] = from[before_turns(y, x, n, turns)];
}

}  // namespace sslrun::views
