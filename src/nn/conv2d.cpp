#include "nn/conv2d.h"

#include <ATen/ops/conv2d.h>
#include <ATen/ops/max_pool2d.h>
#include <ATen/ops/upsample_nearest2d.h>

#include <cmath>
#include <utility>

namespace sslrun::nn {

Conv2d::Conv2d(std::int64_t inputs,
               std::int64_t outputs,
               std::int64_t kernel,
               std::int64_t stride,
               std::int64_t padding,
               Init& init)
    : stride_(stride), padding_(padding) {
  const double std = std::sqrt(2.0 / static_cast<double>(kernel * kernel * outputs));
  weight_OIKK_ = register_parameter("weight", init.normal({outputs, inputs, kernel, kernel}, std));
}

Conv2d::Conv2d(at::Tensor weight_OIKK,
               at::Tensor bias_O,
               std::int64_t stride,
               std::int64_t padding,
               std::int64_t groups)
    : stride_(stride),
      padding_(padding),
      groups_(groups),
      weight_OIKK_(register_parameter("weight", std::move(weight_OIKK))) {
  if (bias_O.defined()) bias_O_ = register_parameter("bias", std::move(bias_O));
}

at::Tensor Conv2d::forward(const at::Tensor& x_NCHW) const {
  return at::conv2d(x_NCHW,
                    weight_OIKK_,
                    bias_O_,
                    {stride_, stride_},
                    {padding_, padding_},
                    /*dilation=*/{1, 1},
                    groups_);
}

at::Tensor max_pool2d(const at::Tensor& x_NCHW,
                      std::int64_t kernel,
                      std::int64_t stride,
                      std::int64_t padding) {
  return at::max_pool2d(x_NCHW, {kernel, kernel}, {stride, stride}, {padding, padding});
}

at::Tensor enlarge(const at::Tensor& x_NCHW, std::int64_t height, std::int64_t width) {
  return at::upsample_nearest2d(x_NCHW, {height, width});
}

}  // namespace sslrun::nn
