#include "ops/patches.h"

#include "ops/autocast.h"

#include <ATen/TensorOperators.h>

namespace sslrun::ops {

at::Tensor patchify(const at::Tensor& x_NCHW, std::int64_t patch_size) {
  const std::int64_t images = x_NCHW.size(0), channels = x_NCHW.size(1), p = patch_size;
  const std::int64_t rows = x_NCHW.size(2) / p, columns = x_NCHW.size(3) / p;
  return x_NCHW.reshape({images, channels, rows, p, columns, p})
      .permute({0, 2, 4, 3, 5, 1})
      .reshape({images, rows * columns, p * p * channels});
}

at::Tensor unpatchify(const at::Tensor& patches_NMP,
                      std::int64_t patch_size,
                      std::int64_t height,
                      std::int64_t width) {
  const std::int64_t images = patches_NMP.size(0), p = patch_size;
  const std::int64_t channels = patches_NMP.size(2) / (p * p);
  return patches_NMP.reshape({images, height / p, width / p, p, p, channels})
      .permute({0, 5, 1, 3, 2, 4})
      .reshape({images, channels, height, width});
}

at::Tensor normalize_patches(const at::Tensor& patches_NMP) {
  const at::Tensor mean = patches_NMP.mean({2}, /*keepdim=*/true);
  const at::Tensor var = patches_NMP.var({2}, /*unbiased=*/true, /*keepdim=*/true);
  return (patches_NMP - mean) / (var + 1e-6).sqrt();
}

at::Tensor hidden_pixel_loss(const at::Tensor& predicted_NMP,
                             const at::Tensor& target_NMP,
                             const at::Tensor& hidden_NM,
                             PixelError error) {
  const FullPrecision full(predicted_NMP.device());
  const at::Tensor difference = at_full_precision(predicted_NMP) - target_NMP;
  const at::Tensor each_NM =
      (error == PixelError::kSquared ? difference.square() : difference.abs()).mean(2);
  const at::Tensor weight_NM = hidden_NM.to(each_NM.scalar_type());
  return (each_NM * weight_NM).sum() / weight_NM.sum();
}

}  // namespace sslrun::ops
