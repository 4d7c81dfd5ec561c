// NT-Xent forward and backward: our kernel beside the matrix version with LibTorch's operations.  N rows, D columns.
#include "base/philox.h"
#include "bench/case.h"
#include "ops/nt_xent.h"
#include "ops/step.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/cross_entropy_loss.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/eye.h>

#include <limits>

namespace sslrun::bench {
namespace {

constexpr std::int64_t kRows = 8192, kDim = 128;
constexpr double kTemperature = 0.5;

/// Plain operations: normalise, N x N similarities, mask the diagonal, cross entropy; autograd does the rest.
at::Tensor by_matrix(const at::Tensor& z_ND) {
  const at::Tensor unit_ND = z_ND / z_ND.norm(2, {1}, /*keepdim=*/true).clamp_min(1e-12);
  const at::Tensor s_NN = (unit_ND.matmul(unit_ND.t()) / kTemperature)
                              .masked_fill(at::eye(kRows, at::kBool), -std::numeric_limits<double>::infinity());
  return at::cross_entropy_loss(s_NN, at::arange(kRows, at::kLong).roll({kRows / 2}));
}

std::vector<Contender> prepare(const CaseSettings&) {
  at::Tensor z_ND = at::empty({kRows, kDim}, at::kFloat);
  Rng rng(0, Purpose::kView, 0, 0, 0);
  float* const values = z_ND.mutable_data_ptr<float>();
  for (std::int64_t i = 0; i < z_ND.numel(); ++i) values[i] = static_cast<float>(rng.normal());
  z_ND.requires_grad_(true);
  const auto timed = [z_ND](const char* tool, auto loss) {
    const auto once = [z_ND, loss] {
      z_ND.mutable_grad().reset();
      ops::backward(loss(z_ND), 1.0);
    };
    return Contender{.tool = tool, .once = once};
  };
  return {timed("sslrun", [](const at::Tensor& z) { return ops::nt_xent(z, kTemperature); }), timed("libtorch-eager", by_matrix)};
}

}  // namespace

extern const Case case_ntxent_8192x128{"ntxent_8192x128", "loss", "ms", "NT-Xent of 8192 x 128, forward and backward", prepare};

}  // namespace sslrun::bench
