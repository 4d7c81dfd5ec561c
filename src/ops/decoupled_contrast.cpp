#include "ops/decoupled_contrast.h"

#include "base/error.h"
#include "ops/autocast.h"
#include "ops/unit_rows.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/arange.h>

#include <limits>

namespace sslrun::ops {
namespace {

// weight_n: of each image's positive, both of its rows; undefined: 1.
at::Tensor decoupled(const at::Tensor& unit_ND, double temperature, const at::Tensor& weight_n) {
  const std::int64_t rows = unit_ND.size(0), images = rows / 2;
  const at::Tensor image_N = at::arange(rows, unit_ND.options().dtype(at::kLong)).remainder(images);
  const at::Tensor s_NN = unit_ND.matmul(unit_ND.t()) / temperature;
  const at::Tensor others_NN =
      s_NN.masked_fill(image_N.unsqueeze(1) == image_N, -std::numeric_limits<double>::infinity());
  const at::Tensor negative_N = others_NN.logsumexp({1});
  at::Tensor positive_N = s_NN.diagonal(images).repeat({2});
  if (weight_n.defined()) positive_N = positive_N * weight_n.repeat({2});
  return (negative_N - positive_N).mean();
}

at::Tensor checked_unit_rows(const at::Tensor& z_ND, double temperature) {
  if (z_ND.dim() != 2 || z_ND.size(0) < 4 || z_ND.size(0) % 2 != 0 || !(temperature > 0))
    throw UsageError("dcl must have embeddings [N, D] with N even and 4 or more, temperature > 0");
  return unit_rows(z_ND);
}

}  // namespace

at::Tensor dcl(const at::Tensor& z_ND, double temperature) {
  const FullPrecision full(z_ND.device());
  return decoupled(checked_unit_rows(z_ND, temperature), temperature, at::Tensor());
}

at::Tensor dclw(const at::Tensor& z_ND, double temperature, double sigma) {
  const FullPrecision full(z_ND.device());
  const at::Tensor unit_ND = checked_unit_rows(z_ND, temperature);
  const std::int64_t images = unit_ND.size(0) / 2;
  const at::Tensor fixed_ND = unit_ND.detach();
  const at::Tensor cosine_n =
      (fixed_ND.narrow(0, 0, images) * fixed_ND.narrow(0, images, images)).sum(1);
  const at::Tensor weight_n = 2 - (cosine_n / sigma).softmax(0) * static_cast<double>(images);
  return decoupled(unit_ND, temperature, weight_n);
}

}  // namespace sslrun::ops
