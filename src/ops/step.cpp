#include "ops/step.h"

#include "base/error.h"

#include <ATen/ops/_foreach_norm.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/full_like.h>
#include <ATen/ops/stack.h>
#include <torch/csrc/autograd/autograd.h>

#include <vector>

namespace sslrun::ops {

at::Tensor images_to(const float* pixels_NHWC,
                     std::int64_t n,
                     std::int64_t height,
                     std::int64_t width,
                     std::int64_t channels,
                     at::Device device) {
  const at::Tensor host =
      at::from_blob(const_cast<float*>(pixels_NHWC), {n, height, width, channels}, at::kFloat)
          .permute({0, 3, 1, 2});
  return device.is_cpu() ? host : host.to(device, at::kFloat, /*non_blocking=*/true);
}

at::Tensor classes_to(const std::int64_t* values,
                      std::int64_t rows,
                      std::int64_t columns,
                      at::Device device) {
  const at::Tensor host =
      at::from_blob(const_cast<std::int64_t*>(values), {rows, columns}, at::kLong);
  return device.is_cpu() ? host : host.to(device);
}

void backward(const at::Tensor& loss, double scale) {
  loss.backward(at::full_like(loss, scale));
}

void backward_from(std::span<const at::Tensor> tensors, std::span<const at::Tensor> gradients) {
  check_invariant(tensors.size() == gradients.size(), "each tensor comes with its gradient");
  std::vector<at::Tensor> roots, upstream;
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    if (!gradients[i].defined()) continue;
    roots.push_back(tensors[i]);
    upstream.push_back(gradients[i]);
  }
  torch::autograd::backward(roots, upstream);
}

double value(const at::Tensor& scalar) {
  return scalar.item<double>();
}

double gradient_norm(std::span<const at::Tensor> parameters) {
  std::vector<at::Tensor> gradients;
  for (const at::Tensor& parameter : parameters) {
    check_invariant(parameter.grad().defined(), "every parameter has a gradient");
    gradients.push_back(parameter.grad());
  }
  return at::stack(at::_foreach_norm(gradients, 2)).norm().item<double>();
}

}  // namespace sslrun::ops
