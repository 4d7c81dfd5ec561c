// The views of a packed batch as tensors.
#pragma once
#include "kernels/augment/view_batch.h"

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace sslrun::ops {

/// Copies the pack to the device, at once, and makes its views there in three launches.
/// shapes    Answer: float32 [size.out_floats], each view at its BatchView::out. The pack must stay
///           as it is until the device's current stream has copied it (CopyFence).
at::Tensor make_views(const std::uint8_t* pack,
                      const kernels::ViewBatchSize& size,
                      at::Device device);

}  // namespace sslrun::ops
