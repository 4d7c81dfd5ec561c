// The edge between tensors and the training loop's numbers.
#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <span>

namespace sslrun::ops {

/// A batch of views as the encoder takes it. pixels_NHWC: float32 [n, height, width, channels], dense;
/// valid while the answer is used on a CPU, where it is not copied, and until the device's current
/// stream has copied it on a GPU (CopyFence). Answer: [n, channels, height, width], channels last, on
/// `device`.
at::Tensor images_to(const float* pixels_NHWC,
                     std::int64_t n,
                     std::int64_t height,
                     std::int64_t width,
                     std::int64_t channels,
                     at::Device device);

/// Classes as a loss takes them. values: [rows, columns] dense, valid while the answer is used. Answer:
/// int64 [rows, columns] on `device`.
at::Tensor classes_to(const std::int64_t* values,
                      std::int64_t rows,
                      std::int64_t columns,
                      at::Device device);

/// Adds `scale` times the gradient of `loss` to the gradients of the leaves it was computed from.
void backward(const at::Tensor& loss, double scale);

/// Adds the gradient that `tensors` with these upstream gradients send to the leaves they were computed
/// from, in one pass; a tensor whose gradient is undefined sends none. shapes: gradients[i] as
/// tensors[i].
void backward_from(std::span<const at::Tensor> tensors, std::span<const at::Tensor> gradients);

/// The value of a scalar tensor; waits for its device.
double value(const at::Tensor& scalar);

/// The L2 norm of all gradients together; not finite where one of their elements is not.
/// A parameter without a gradient is a bug of the caller.
double gradient_norm(std::span<const at::Tensor> parameters);

}  // namespace sslrun::ops
