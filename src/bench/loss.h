#pragma once
#include "bench/case.h"

#include <cstdint>

namespace sslrun::bench {

// Each: our loss, forward and backward to its inputs, then the official form with LibTorch's
// operations and autograd ("_eager"). errors NumericsError where the two losses differ by more than
// 1e-4 of them.

/// NT-Xent of 2 * images rows, temperature 0.5.
Prepared prepare_ntxent(std::int64_t images, std::int64_t dim);

/// DINO's loss of 2 + local views, temperatures 0.1 and 0.04.
Prepared prepare_dino(std::int64_t images, std::int64_t classes, std::int64_t local);

/// Barlow Twins with its batch norm, lambda 0.0051, and VICReg.
Prepared prepare_barlow(std::int64_t images, std::int64_t dim);
Prepared prepare_vicreg(std::int64_t images, std::int64_t dim);

/// MoCo's loss of 128 dimensions against a queue, temperature 0.2; gradient to the queries.
Prepared prepare_info_nce_queue(std::int64_t images, std::int64_t queue);

/// SwAV's assignments of unit vectors' scores, eps 0.05, 3 iterations; no gradient.
Prepared prepare_sinkhorn(std::int64_t samples, std::int64_t prototypes);

/// DINOv2's loss of hidden patches against assignments of the teacher's outputs.
Prepared prepare_patches(std::int64_t patches, std::int64_t classes);

}  // namespace sslrun::bench
