// What a vision transformer makes of views: class tokens and patches.  N rows of images, M patches each,
// D features.
#pragma once
#include "encoders/vit.h"
#include "methods/beit_mask.h"

#include <ATen/core/Tensor.h>

#include <span>

namespace sslrun::methods {

/// Patches of an image [N, C, H, W].
PatchGrid grid_of(const encoders::VisionTransformer& encoder, const at::Tensor& x_NCHW);

struct ViewTokens {
  at::Tensor class_ND;    // [N, D]
  at::Tensor patches_MD;  // [N * M, D]: patch m of row n in row n * M + m
};

/// Those of a batch, all parts of it or with hidden patches as VisionTransformer::tokens takes them.
ViewTokens view_tokens(const encoders::VisionTransformer& encoder,
                       const at::Tensor& x_NCHW,
                       const at::Tensor& mask_NM = {},
                       const at::Tensor& mask_token = {});

/// global_ND and below it the class tokens of the views, as multi_crop() orders them.
at::Tensor with_class_tokens(const at::Tensor& global_ND,
                             const encoders::VisionTransformer& encoder,
                             std::span<const at::Tensor> views);

}  // namespace sslrun::methods
