// N images, I and O channels, K kernel, H x W pixels.
#pragma once
#include "nn/init.h"
#include "nn/module.h"

#include <cstdint>

namespace sslrun::nn {

/// A square convolution as torch.nn.Conv2d: weight [O, I, K, K].
class Conv2d final : public Module {
 public:
  /// Without bias. It starts as N(0, 2 / (K * K * O)): He et al. 2015, arXiv:1502.01852, by the fan
  /// out.
  Conv2d(std::int64_t inputs,
         std::int64_t outputs,
         std::int64_t kernel,
         std::int64_t stride,
         std::int64_t padding,
         Init& init);
  /// Starts with these weights [O, I / groups, K, K] and, where defined, this bias [O]. groups: runs
  /// of channels that are convolved by themselves.
  Conv2d(at::Tensor weight_OIKK,
         at::Tensor bias_O,
         std::int64_t stride,
         std::int64_t padding,
         std::int64_t groups = 1);

  /// x_NCHW [N, I, H, W] -> [N, O, H', W'] with H' = (H + 2 padding - K) / stride + 1. Keeps
  /// channels-last memory.
  at::Tensor forward(const at::Tensor& x_NCHW) const;

 private:
  std::int64_t stride_, padding_, groups_ = 1;
  at::Tensor weight_OIKK_, bias_O_;
};

/// The largest of each kernel x kernel window; pixels outside the image do not count. x_NCHW [N, C,
/// H, W].
at::Tensor max_pool2d(const at::Tensor& x_NCHW,
                      std::int64_t kernel,
                      std::int64_t stride,
                      std::int64_t padding);

/// Each pixel of the answer is the nearest one of x, as torch.nn.functional.interpolate(mode
/// "nearest"). x_NCHW [N, C, H, W] -> [N, C, height, width].
at::Tensor enlarge(const at::Tensor& x_NCHW, std::int64_t height, std::int64_t width);

}  // namespace sslrun::nn
