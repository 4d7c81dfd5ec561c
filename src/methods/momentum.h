// A network that follows the trained one: encoder and projector.
#pragma once
#include "methods/method.h"
#include "nn/ema.h"
#include "nn/mlp.h"

#include <memory>

namespace sslrun::methods {

/// 1 - (1 - start) (1 + cos(pi s / S)) / 2: from `start` at the first step to 1 at the end.
/// source    Grill et al. 2020, arXiv:2006.07733, section 3.2; MoCo v3 and DINO share it.
double cosine_momentum(double start, const Progress& progress);

/// start + (1 - start) s / S: the same along a line.
/// source    Assran et al. 2023, arXiv:2301.08243; facebookresearch/ijepa src/train.py.
double linear_momentum(double start, const Progress& progress);

/// A copy of an encoder and its projector that no gradient reaches. Its state is named "encoder.*"
/// and "projector.*" below the name it is registered under.
class Follower final : public nn::Module {
 public:
  /// Starts equal to the leaders. shape: the projector's.
  Follower(std::unique_ptr<encoders::Encoder> encoder,
           const nn::MlpShape& shape,
           const encoders::Encoder& leader,
           const nn::Mlp& leader_projector);

  /// x_NCHW [N, C, H, W] -> [N, D], without a graph.
  at::Tensor forward(const at::Tensor& x_NCHW) const;

  /// Moves by (1 - tau) towards the leaders it was made with.
  void follow(double tau);

  /// How far its encoder is from the leader's, as a share of the leader's length: nn::ema_distance.
  at::Tensor distance() const { return nn::ema_distance(*encoder_, leader_); }

  encoders::Encoder& encoder() const { return *encoder_; }

 private:
  std::unique_ptr<encoders::Encoder> encoder_;
  std::unique_ptr<nn::Mlp> projector_;
  const encoders::Encoder& leader_;
  const nn::Mlp& leader_projector_;
};

}  // namespace sslrun::methods
