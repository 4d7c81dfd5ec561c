#include "nn/conv2d.h"

#include <ATen/ops/conv2d.h>
#include <ATen/ops/max_pool2d.h>

#include <cmath>

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

at::Tensor Conv2d::forward(const at::Tensor& x_NCHW) const {
  return at::conv2d(x_NCHW, weight_OIKK_, {}, {stride_, stride_}, {padding_, padding_});
}

at::Tensor max_pool2d(const at::Tensor& x_NCHW,
                      std::int64_t kernel,
                      std::int64_t stride,
                      std::int64_t padding) {
  return at::max_pool2d(x_NCHW, {kernel, kernel}, {stride, stride}, {padding, padding});
}

}  // namespace sslrun::nn
