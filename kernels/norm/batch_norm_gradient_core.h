// Arithmetic of batch norm's gradient on one element. No other file may repeat it.
#pragma once
#include "kernels/bf16_core.h"

#include <cstdint>
#include <type_traits>

namespace sslrun::kernels {

/// What an element stored so is computed in; std::uint16_t holds the bits of a bfloat16.
template <class Stored>
using Computed = std::conditional_t<std::is_same_v<Stored, double>, double, float>;

template <class Stored>
SSLRUN_HD Computed<Stored> computed(Stored x) {
  if constexpr (std::is_same_v<Stored, std::uint16_t>)
    return from_bf16(x);
  else
    return x;
}

template <class Stored>
SSLRUN_HD Stored stored(Computed<Stored> x) {
  if constexpr (std::is_same_v<Stored, std::uint16_t>)
    return to_bf16(x);
  else
    return x;
}

/// BatchNormGradientArgs says what the coefficients are.
template <class Stored, class Wide = Computed<Stored>>
SSLRUN_HD Stored
batch_norm_move(Stored dy, Stored x, Wide scale, Wide mean, Wide dy_mean, Wide slope) {
  return stored<Stored>(scale * (computed(dy) - dy_mean - (computed(x) - mean) * slope));
}

}  // namespace sslrun::kernels
