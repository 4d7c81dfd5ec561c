#include "ops/decoupled_contrast.h"

#include "base/error.h"
#include "ops/autocast.h"
#include "ops/unit_rows.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/cat.h>

#include <limits>

namespace sslrun::ops {
namespace {

// weight_n: of all images' positives, of both rows; undefined: 1.
at::Tensor decoupled(const at::Tensor& unit_ND,
                     double temperature,
                     const at::Tensor& weight_n,
                     const std::optional<ImageRange>& of) {
  const std::int64_t images = unit_ND.size(0) / 2;
  const auto [first, count] = of.value_or(ImageRange{0, images});
  const at::Tensor ones_MD = unit_ND.narrow(0, first, count),
                   twos_MD = unit_ND.narrow(0, images + first, count);
  const at::Tensor s_MN = at::cat({ones_MD, twos_MD}).matmul(unit_ND.t()) / temperature;
  const at::Tensor image_N =
      at::arange(2 * images, unit_ND.options().dtype(at::kLong)).remainder(images);
  const at::Tensor own_M = image_N.narrow(0, first, count).repeat({2});
  const at::Tensor negative_M =
      s_MN.masked_fill(own_M.unsqueeze(1) == image_N, -std::numeric_limits<double>::infinity())
          .logsumexp({1});
  at::Tensor positive_m = (ones_MD * twos_MD).sum(1) / temperature;
  if (weight_n.defined()) positive_m = positive_m * weight_n.narrow(0, first, count);
  return negative_M.mean() - positive_m.mean();
}

at::Tensor checked_unit_rows(const at::Tensor& z_ND, double temperature) {
  if (z_ND.dim() != 2 || z_ND.size(0) < 4 || z_ND.size(0) % 2 != 0 || !(temperature > 0))
    throw UsageError("dcl must have embeddings [N, D] with N even and 4 or more, temperature > 0");
  return unit_rows(z_ND);
}

}  // namespace

at::Tensor dcl(const at::Tensor& z_ND, double temperature, const std::optional<ImageRange>& of) {
  const FullPrecision full(z_ND.device());
  return decoupled(checked_unit_rows(z_ND, temperature), temperature, at::Tensor(), of);
}

at::Tensor dclw(const at::Tensor& z_ND,
                double temperature,
                double sigma,
                const std::optional<ImageRange>& of) {
  const FullPrecision full(z_ND.device());
  const at::Tensor unit_ND = checked_unit_rows(z_ND, temperature);
  const std::int64_t images = unit_ND.size(0) / 2;
  const at::Tensor fixed_ND = unit_ND.detach();
  const at::Tensor cosine_n =
      (fixed_ND.narrow(0, 0, images) * fixed_ND.narrow(0, images, images)).sum(1);
  const at::Tensor weight_n = 2 - (cosine_n / sigma).softmax(0) * static_cast<double>(images);
  return decoupled(unit_ND, temperature, weight_n, of);
}

}  // namespace sslrun::ops
