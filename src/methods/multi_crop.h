// Views of several sizes through one encoder.  V views of N images, F features.
#pragma once
#include "encoders/encoder.h"

#include <ATen/core/Tensor.h>

#include <functional>
#include <span>

namespace sslrun::methods {

constexpr std::size_t kGlobalViews = 2;  // the first ones, where there are global and local views

/// What `forward` makes of all views. Consecutive views of one size pass it as one batch: batch norm
/// sees them together, and views of another size by themselves.
/// shapes    views[v] [N, C, H_v, W_v] -> [V * N, F], view-major: view v of image i in row v * N + i.
/// source    facebookresearch/swav src/resnet50.py forward; facebookresearch/dino utils.py
///           MultiCropWrapper.
at::Tensor multi_crop(const std::function<at::Tensor(const at::Tensor&)>& forward,
                      std::span<const at::Tensor> views);

/// The encoder's features of all views.
at::Tensor multi_crop(const encoders::Encoder& encoder, std::span<const at::Tensor> views);

}  // namespace sslrun::methods
