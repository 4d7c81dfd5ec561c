// Views of several sizes through one encoder.  V views of N images, F features.
#pragma once
#include "encoders/encoder.h"

#include <ATen/core/Tensor.h>

#include <span>

namespace sslrun::methods {

/// The features of all views. Consecutive views of one size pass the encoder as one batch: batch norm
/// sees them together, and views of another size by themselves.
/// shapes    views[v] [N, C, H_v, W_v] -> [V * N, F], view-major: view v of image i in row v * N + i.
/// source    facebookresearch/swav src/resnet50.py forward; facebookresearch/dino utils.py
///           MultiCropWrapper.
at::Tensor multi_crop(const encoders::Encoder& encoder, std::span<const at::Tensor> views);

}  // namespace sslrun::methods
