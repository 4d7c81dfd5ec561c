// NT-Xent forward and backward: our kernel beside the matrix version with LibTorch's operations.  N
// rows, D columns.
#include "bench/loss.h"

#include "base/error.h"
#include "base/philox.h"
#include "ops/nt_xent.h"
#include "ops/rows.h"
#include "ops/step.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/cross_entropy_loss.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/eye.h>
#include <torch/version.h>

#include <fmt/format.h>

#include <array>
#include <cmath>
#include <limits>

namespace sslrun::bench {
namespace {

constexpr double kTemperature = 0.5;

/// Plain operations: normalise, N x N similarities, mask the diagonal, cross entropy; autograd does
/// the rest.
at::Tensor by_matrix(const at::Tensor& z_ND) {
  const std::int64_t rows = z_ND.size(0);
  const at::Tensor unit_ND = z_ND / z_ND.norm(2, {1}, /*keepdim=*/true).clamp_min(1e-12);
  const at::Tensor s_NN =
      (unit_ND.matmul(unit_ND.t()) / kTemperature)
          .masked_fill(at::eye(rows, at::kBool), -std::numeric_limits<double>::infinity());
  return at::cross_entropy_loss(s_NN, at::arange(rows, at::kLong).roll({rows / 2}));
}

at::Tensor by_kernel(const at::Tensor& z_ND) {
  return ops::nt_xent(z_ND, kTemperature);
}

/// Two views: normal numbers, and the same with three tenths as much noise.
std::array<at::Tensor, 2> views(std::int64_t images, std::int64_t dim) {
  const at::Tensor a_ND = at::empty({images, dim}, at::kFloat), b_ND = at::empty_like(a_ND);
  Rng rng(0, Purpose::kProbe, 0, 0, 0);
  float *const a = a_ND.mutable_data_ptr<float>(), *const b = b_ND.mutable_data_ptr<float>();
  for (std::int64_t i = 0; i < a_ND.numel(); ++i) {
    a[i] = static_cast<float>(rng.normal());
    b[i] = a[i] + static_cast<float>(0.3 * rng.normal());
  }
  a_ND.requires_grad_(true);
  b_ND.requires_grad_(true);
  return {a_ND, b_ND};
}

Prepared prepare(const CaseSettings&) {
  return prepare_ntxent(4096, 128);
}

}  // namespace

Prepared prepare_ntxent(std::int64_t images, std::int64_t dim) {
  const std::array<at::Tensor, 2> z = views(images, dim);
  const double ours = ops::value(by_kernel(ops::cat_rows(z))),
               theirs = ops::value(by_matrix(ops::cat_rows(z)));
  if (!(std::abs(ours - theirs) <= 1e-4 * std::abs(theirs))) {
    throw NumericsError(fmt::format(
        "bench: both versions of nt_xent must give the same loss, got {} and {}", ours, theirs));
  }
  const auto timed =
      [&](const char* tool, const char* suffix, at::Tensor (*loss)(const at::Tensor&)) {
        const auto once = [z, loss] {
          for (const at::Tensor& view : z) view.mutable_grad().reset();
          ops::backward(loss(ops::cat_rows(z)), 1.0);
        };
        return Contender{.tool = tool, .suffix = suffix, .once = once};
      };
  return {.contenders = {timed("sslrun", "", by_kernel), timed("libtorch", "_eager", by_matrix)},
          .note = fmt::format("float32; loss {:.5f}, eager {:.5f}", ours, theirs),
          .versions = {{"libtorch", TORCH_VERSION}}};
}

extern const Case case_ntxent_8192x128{
    "ntxent_8192x128",
    "loss",
    "ms",
    "NT-Xent of 8192 x 128, forward and backward, beside its matrix form (_eager)",
    Memory::kExtra,
    prepare};

}  // namespace sslrun::bench
