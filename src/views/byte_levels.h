// Values in [0, 1] as the 256 levels of a byte, for operations that are defined on bytes.
#pragma once
#include "kernels/augment/tone_core.h"

#include <cstdint>

namespace sslrun::views {

/// The nearest level of x in [0, 1].
inline std::uint8_t to_level(float x) {
  return kernels::nearest_level(x);
}

inline float from_level(std::uint8_t level) {
  return static_cast<float>(level) / 255.0f;
}

}  // namespace sslrun::views
