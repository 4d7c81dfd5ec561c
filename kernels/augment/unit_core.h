// Bytes on the scale of [0, 1].
#pragma once
#include "kernels/host_device.h"

#include <cstdint>

namespace sslrun::kernels {

/// byte / 255, correctly rounded, without the division: 1 / 255 in two parts, of which the first
/// times a byte is exact.
SSLRUN_HD float byte_to_unit(std::uint8_t byte) {
  const float x = static_cast<float>(byte);
  return x * 0x1.01p-8f + x * 0x1.010102p-24f;
}

}  // namespace sslrun::kernels
