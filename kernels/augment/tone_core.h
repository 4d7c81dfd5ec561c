// Operations on one value in [0, 1] that look at nothing else.
#pragma once
#include "kernels/augment/unit_core.h"
#include "kernels/host_device.h"

#include <cstdint>

namespace sslrun::kernels {

/// Values from the threshold on, inverted.
SSLRUN_HD float solarized(float x, float threshold) {
  return x >= threshold ? 1.0f - x : x;
}

/// The nearest of 256 levels of x in [0, 1].
SSLRUN_HD std::uint8_t nearest_level(float x) {
  return static_cast<std::uint8_t>(x * 255.0f + 0.5f);
}

/// The level's highest bits, 1..8 of them.
SSLRUN_HD float posterized(float x, int bits) {
  return byte_to_unit(static_cast<std::uint8_t>(nearest_level(x) & (0xFF00 >> bits)));
}

}  // namespace sslrun::kernels
