// bfloat16 numbers as their bits: the upper half of a float.
#pragma once
#include "kernels/host_device.h"

#include <cstdint>
#include <cstring>

namespace sslrun::kernels {

SSLRUN_HD float from_bf16(std::uint16_t half) {
  const std::uint32_t bits = static_cast<std::uint32_t>(half) << 16;
  float x = 0.f;
  std::memcpy(&x, &bits, 4);
  return x;
}

/// Rounded to nearest, ties to even; a NaN stays NaN.
SSLRUN_HD std::uint16_t to_bf16(float x) {
  std::uint32_t bits = 0;
  std::memcpy(&bits, &x, 4);
  const std::uint32_t rounded = bits + 0x7fffu + ((bits >> 16) & 1u);
  return static_cast<std::uint16_t>(x == x ? rounded >> 16 : 0x7fc0u);
}

}  // namespace sslrun::kernels
