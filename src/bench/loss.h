#pragma once
#include "bench/case.h"

#include <cstdint>

namespace sslrun::bench {

/// NT-Xent of 2 * images rows, temperature 0.5, forward and backward to both views: our kernel,
/// then the matrix version with LibTorch's operations and autograd ("_eager"). errors NumericsError
/// where the two losses differ by more than 1e-4 of them.
Prepared prepare_ntxent(std::int64_t images, std::int64_t dim);

}  // namespace sslrun::bench
