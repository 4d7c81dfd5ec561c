#include "ops/nt_xent.h"

#include "base/error.h"
#include "kernels/loss/nt_xent.h"
#include "ops/device.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <torch/csrc/autograd/custom_function.h>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <limits>

namespace sslrun::ops {
namespace {

struct NtXent final : torch::autograd::Function<NtXent> {
  static at::Tensor forward(torch::autograd::AutogradContext* context,
                            const at::Tensor& z,
                            double temperature) {
    const at::Tensor z_ND = z.contiguous();
    const at::Tensor lse_N = at::empty({z_ND.size(0)}, z_ND.options());
    const at::Tensor loss_N = at::empty_like(lse_N), inverse_norm_N = at::empty_like(lse_N);
    kernels::NtXentArgs args = arguments(z_ND, lse_N, inverse_norm_N, temperature);
    args.loss = loss_N.mutable_data_ptr<float>();
    on_device(z_ND, [&](auto device) { kernels::nt_xent_forward(args, device); });
    context->save_for_backward({z_ND, lse_N, inverse_norm_N});
    context->saved_data["temperature"] = temperature;
    return loss_N.mean();
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 const torch::autograd::variable_list& upstream) {
    const torch::autograd::variable_list saved = context->get_saved_variables();
    const at::Tensor dz_ND = at::empty_like(saved[0]);
    const kernels::NtXentArgs args =
        arguments(saved[0], saved[1], saved[2], context->saved_data["temperature"].toDouble());
    float* const dz = dz_ND.mutable_data_ptr<float>();
    on_device(dz_ND, [&](auto device) { kernels::nt_xent_backward(args, 1.f, dz, device); });
    return {dz_ND.mul_(upstream[0]),
            at::Tensor()};  // the upstream gradient stays on its device: no wait for it
  }

  static kernels::NtXentArgs arguments(const at::Tensor& z_ND,
                                       const at::Tensor& lse_N,
                                       const at::Tensor& inverse_norm_N,
                                       double temperature) {
    return {.z = z_ND.const_data_ptr<float>(),
            .lse = lse_N.mutable_data_ptr<float>(),
            .rows = z_ND.size(0),
            .dim = z_ND.size(1),
            .inv_temp = static_cast<float>(1.0 / temperature),
            .inverse_norm = inverse_norm_N.mutable_data_ptr<float>()};
  }
};

/// The same loss written with tensor operations, for the dtypes that the kernel does not serve.
at::Tensor by_matrix(const at::Tensor& z_ND, double temperature) {
  const std::int64_t rows = z_ND.size(0);
  const at::Tensor unit_ND = z_ND / z_ND.norm(2, {1}, /*keepdim=*/true).clamp_min(1e-12);
  at::Tensor s_NN = unit_ND.matmul(unit_ND.t()) / temperature;
  const at::Tensor self_N = at::arange(rows, z_ND.options().dtype(at::kLong));
  const at::Tensor positive_N = (self_N + rows / 2).remainder(rows);
  s_NN = s_NN.masked_fill(self_N.unsqueeze(1) == self_N, -std::numeric_limits<double>::infinity());
  return (s_NN.logsumexp({1}) - s_NN.gather(1, positive_N.unsqueeze(1)).squeeze(1)).mean();
}

}  // namespace

at::Tensor nt_xent(const at::Tensor& z_ND, double temperature) {
  if (z_ND.dim() != 2 || z_ND.size(0) == 0 || z_ND.size(0) % 2 != 0) {
    throw UsageError(
        fmt::format("embeddings of nt_xent must be [N, D] with N even and not 0, got [{}]",
                    fmt::join(z_ND.sizes(), ", ")));
  }
  if (!(temperature > 0))
    throw UsageError(fmt::format("temperature of nt_xent must be > 0, got {}", temperature));
  const bool reduced = z_ND.scalar_type() == at::kHalf || z_ND.scalar_type() == at::kBFloat16;
  const at::Tensor wide_ND = reduced ? z_ND.to(at::kFloat) : z_ND;
  if (wide_ND.scalar_type() == at::kFloat) return NtXent::apply(wide_ND, temperature);
  return by_matrix(wide_ND, temperature);
}

}  // namespace sslrun::ops
