#include "ops/sigreg.h"

#include "base/error.h"
#include "base/philox.h"
#include "dist/world.h"
#include "ops/autocast.h"
#include "ops/unit_rows.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/empty.h>

namespace sslrun::ops {
namespace {

constexpr std::int64_t kKnots = 17;
constexpr double kLast = 3, kStep = kLast / (kKnots - 1);

}  // namespace

at::Tensor sigreg(const at::Tensor& z_VND, const at::Tensor& slices_DM, dist::World& world) {
  if (z_VND.dim() != 3 || slices_DM.dim() != 2 || z_VND.size(2) != slices_DM.size(0))
    throw UsageError("sigreg must have embeddings [V, N, D] and slices [D, M]");
  const FullPrecision full(z_VND.device());
  const at::Tensor wide_VND = at_full_precision(z_VND);
  const at::Tensor t_K = at::arange(kKnots, wide_VND.options()) * kStep;
  const at::Tensor normal_K = (t_K.square() / -2).exp();  // the characteristic function of N(0, 1)
  const at::Tensor weight_K = normal_K * (2 * kStep);
  weight_K.select(0, 0).div_(2);
  weight_K.select(0, kKnots - 1).div_(2);
  const at::Tensor x_VNM = wide_VND.matmul(slices_DM.detach().to(wide_VND.options()));
  const at::Tensor angle_VNMK = x_VNM.unsqueeze(3) * t_K;
  const auto ranks = static_cast<double>(world.size());
  const at::Tensor cos_VMK = world.all_reduce_sum(angle_VNMK.cos().mean(1)) / ranks;
  const at::Tensor sin_VMK = world.all_reduce_sum(angle_VNMK.sin().mean(1)) / ranks;
  const at::Tensor error_VMK = (cos_VMK - normal_K).square() + sin_VMK.square();
  return (error_VMK * weight_K).sum(2).mean() * (static_cast<double>(z_VND.size(1)) * ranks);
}

at::Tensor sigreg_slices(std::int64_t dim,
                         std::int64_t count,
                         std::uint32_t seed,
                         std::int64_t step) {
  const at::Tensor directions_MD = at::empty({count, dim}, at::kFloat);
  float* const values = directions_MD.mutable_data_ptr<float>();
  for (std::int64_t m = 0; m < count; ++m) {
    Rng rng(
        seed, Purpose::kMethod, static_cast<std::uint32_t>(step), static_cast<std::uint32_t>(m), 0);
    for (std::int64_t d = 0; d < dim; ++d) values[m * dim + d] = static_cast<float>(rng.normal());
  }
  return unit_rows(directions_MD).t();
}

}  // namespace sslrun::ops
