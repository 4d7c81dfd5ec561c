#include "methods/patch_views.h"

#include "methods/multi_crop.h"
#include "ops/rows.h"

#include <vector>

namespace sslrun::methods {

PatchGrid grid_of(const encoders::VisionTransformer& encoder, const at::Tensor& x_NCHW) {
  return {x_NCHW.size(2) / encoder.patch_size(), x_NCHW.size(3) / encoder.patch_size()};
}

ViewTokens view_tokens(const encoders::VisionTransformer& encoder,
                       const at::Tensor& x_NCHW,
                       const at::Tensor& mask_NM,
                       const at::Tensor& mask_token) {
  const at::Tensor all_NTD = encoder.tokens(x_NCHW, mask_NM, mask_token);
  return {all_NTD.select(1, 0), all_NTD.slice(1, encoder.prefix()).flatten(0, 1)};
}

at::Tensor with_class_tokens(const at::Tensor& global_ND,
                             const encoders::VisionTransformer& encoder,
                             std::span<const at::Tensor> views) {
  if (views.empty()) return global_ND;
  const auto class_token = [&](const at::Tensor& x) { return encoder.tokens(x).select(1, 0); };
  return ops::cat_rows(std::vector{global_ND, multi_crop(class_token, views)});
}

}  // namespace sslrun::methods
