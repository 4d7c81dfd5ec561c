#include "methods/momentum.h"

#include <ATen/core/grad_mode.h>

#include <cmath>
#include <numbers>

namespace sslrun::methods {

double cosine_momentum(double start, const Progress& progress) {
  const double share =
      static_cast<double>(progress.step) / static_cast<double>(progress.total_steps);
  return 1 - (1 - start) * (1 + std::cos(std::numbers::pi * share)) / 2;
}

double linear_momentum(double start, const Progress& progress) {
  return start + (1 - start) * static_cast<double>(progress.step) /
                     static_cast<double>(progress.total_steps);
}

Follower::Follower(std::unique_ptr<encoders::Encoder> encoder,
                   const nn::MlpShape& shape,
                   const encoders::Encoder& leader,
                   const nn::Mlp& leader_projector)
    : encoder_(std::move(encoder)), leader_(leader), leader_projector_(leader_projector) {
  nn::Init any(0);  // its values are replaced at once
  projector_ = std::make_unique<nn::Mlp>(shape, any);
  register_module("encoder", *encoder_);
  register_module("projector", *projector_);
  nn::start_following(*encoder_, leader_);
  nn::start_following(*projector_, leader_projector_);
}

at::Tensor Follower::forward(const at::Tensor& x_NCHW) const {
  const at::NoGradGuard no_grad;
  return projector_->forward(encoder_->forward(x_NCHW));
}

void Follower::follow(double tau) {
  nn::ema_update(*encoder_, leader_, tau);
  nn::ema_update(*projector_, leader_projector_, tau);
}

}  // namespace sslrun::methods
