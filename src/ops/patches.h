// Images as rows of pixels, one row a patch. N images, C channels, H x W pixels, M patches row by
// row, p pixels a side.
#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>

namespace sslrun::ops {

/// x_NCHW [N, C, H, W] -> [N, M, p * p * C], a patch's pixels row by row, the channels of a pixel side
/// by side.
/// source    facebookresearch/mae models_mae.py patchify.
at::Tensor patchify(const at::Tensor& x_NCHW, std::int64_t patch_size);

/// The inverse of patchify: [N, M, p * p * C] -> [N, C, H, W].
at::Tensor unpatchify(const at::Tensor& patches_NMP,
                      std::int64_t patch_size,
                      std::int64_t height,
                      std::int64_t width);

/// (x - mean) / sqrt(var + 1e-6) of each patch; the variance is the unbiased one.
/// source    He et al. 2022, arXiv:2111.06377, section 3; models_mae.py forward_loss.
at::Tensor normalize_patches(const at::Tensor& patches_NMP);

enum class PixelError { kSquared, kAbsolute };

/// The mean error of the pixels of hidden patches, over all of them in the batch.
/// shapes    predicted_NMP, target_NMP [N, M, P]; hidden_NM bool, at least one of them true -> a
///           scalar.
/// numerics  float32 under autocast.
/// source    He et al. 2022, arXiv:2111.06377 (squared); Xie et al. 2022, arXiv:2111.09886
///           (absolute).
at::Tensor hidden_pixel_loss(const at::Tensor& predicted_NMP,
                             const at::Tensor& target_NMP,
                             const at::Tensor& hidden_NM,
                             PixelError error);

}  // namespace sslrun::ops
