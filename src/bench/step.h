#pragma once
#include "bench/case.h"

#include <cstdint>

namespace sslrun::bench {

struct StepShape {
  std::int64_t images = 256, side = 32, width = 64;  // width: channels of the ResNet's first stage
};

/// SimCLR steps of a ResNet-18 on synthetic images: in bfloat16 where this processor has it, then
/// in float32 ("_fp32").
Prepared prepare_simclr_step(const StepShape& shape);

}  // namespace sslrun::bench
