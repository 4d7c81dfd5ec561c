// N images, I and O channels, K kernel, H x W pixels.
#pragma once
#include "nn/init.h"
#include "nn/module.h"

#include <cstdint>

namespace sslrun::nn {

/// A square convolution without bias, as torch.nn.Conv2d(bias=False): weight [O, I, K, K].
/// It starts as N(0, 2 / (K * K * O)): He et al. 2015, arXiv:1502.01852, by the fan out.
class Conv2d final : public Module {
 public:
  Conv2d(std::int64_t inputs,
         std::int64_t outputs,
         std::int64_t kernel,
         std::int64_t stride,
         std::int64_t padding,
         Init& init);

  /// x_NCHW [N, I, H, W] -> [N, O, H', W'] with H' = (H + 2 padding - K) / stride + 1. Keeps
  /// channels-last memory.
  at::Tensor forward(const at::Tensor& x_NCHW) const;

 private:
  std::int64_t stride_, padding_;
  at::Tensor weight_OIKK_;
};

/// The largest of each kernel x kernel window; pixels outside the image do not count. x_NCHW [N, C,
/// H, W].
at::Tensor max_pool2d(const at::Tensor& x_NCHW,
                      std::int64_t kernel,
                      std::int64_t stride,
                      std::int64_t padding);

}  // namespace sslrun::nn
