#include "ops/off_diagonal_energy.h"

#include "base/error.h"
#include "ops/autocast.h"

#include <ATen/TensorOperators.h>
#include <torch/csrc/autograd/custom_function.h>

namespace sslrun::ops {
namespace {

struct OffDiagonalEnergy final : torch::autograd::Function<OffDiagonalEnergy> {
  static at::Tensor forward(torch::autograd::AutogradContext* context,
                            const at::Tensor& a_ND,
                            const at::Tensor& b_ND) {
    const FullPrecision full(a_ND.device());
    const at::Tensor diagonal_D = (a_ND * b_ND).sum(0);
    at::Tensor first, second;  // A A^T and B B^T, or A^T B twice
    if (a_ND.size(0) < a_ND.size(1)) {
      first = a_ND.matmul(a_ND.t());
      second = a_ND.is_same(b_ND) ? first : b_ND.matmul(b_ND.t());
    } else {
      first = second = a_ND.t().matmul(b_ND);
    }
    context->save_for_backward({a_ND, b_ND, first, second, diagonal_D});
    return (first * second).sum() - diagonal_D.square().sum();
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 const torch::autograd::variable_list& upstream) {
    const torch::autograd::variable_list saved = context->get_saved_variables();
    const at::Tensor &a_ND = saved[0], &b_ND = saved[1], &diagonal_D = saved[4];
    const FullPrecision full(a_ND.device());
    const bool by_rows = a_ND.size(0) < a_ND.size(1);
    const at::Tensor da = by_rows ? saved[3].matmul(a_ND) : b_ND.matmul(saved[2].t());
    const at::Tensor db = by_rows ? saved[2].matmul(b_ND) : a_ND.matmul(saved[2]);
    const at::Tensor scale = upstream[0] * 2;
    return {(da - b_ND * diagonal_D) * scale, (db - a_ND * diagonal_D) * scale};
  }
};

}  // namespace

at::Tensor off_diagonal_energy(const at::Tensor& a_ND, const at::Tensor& b_ND) {
  if (a_ND.dim() != 2 || a_ND.sizes() != b_ND.sizes())
    throw UsageError("both inputs of off_diagonal_energy must be [N, D]");
  return OffDiagonalEnergy::apply(a_ND, b_ND);
}

}  // namespace sslrun::ops
