#include "nn/batch_norm.h"

#include "nn/init.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/batch_norm.h>
#include <ATen/ops/zeros.h>

namespace sslrun::nn {
namespace {

constexpr double kEps = 1e-5;
constexpr double kMomentum = 0.1;

}  // namespace

BatchNorm::BatchNorm(std::int64_t channels, Affine affine, double gamma) {
  if (affine != Affine::kNone)
    weight_C_ = register_parameter("weight", Init::constant({channels}, gamma));
  if (affine == Affine::kScaleAndShift)
    bias_C_ = register_parameter("bias", Init::constant({channels}, 0));
  running_mean_C_ = register_buffer("running_mean", Init::constant({channels}, 0));
  running_var_C_ = register_buffer("running_var", Init::constant({channels}, 1));
  num_batches_tracked_ = register_buffer("num_batches_tracked", at::zeros({}, at::kLong));
}

at::Tensor BatchNorm::forward(const at::Tensor& x_NC) const {
  if (training()) {
    const at::NoGradGuard no_grad;
    num_batches_tracked_.add_(1);
  }
  return at::batch_norm(x_NC,
                        weight_C_,
                        bias_C_,
                        running_mean_C_,
                        running_var_C_,
                        training(),
                        kMomentum,
                        kEps,
                        /*cudnn_enabled=*/true);
}

}  // namespace sslrun::nn
