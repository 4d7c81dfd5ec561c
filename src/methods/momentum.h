// A network that follows the trained one as an exponential moving average: an encoder and its head.
#pragma once
#include "methods/method.h"
#include "nn/ema.h"
#include "nn/init.h"

#include <ATen/core/grad_mode.h>

#include <memory>
#include <string>
#include <utility>

namespace sslrun::methods {

/// 1 - (1 - start) (1 + cos(pi s / S)) / 2: from `start` at the first step to 1 at the end.
/// source    Grill et al. 2020, arXiv:2006.07733, section 3.2; MoCo v3 and DINO share it.
double cosine_momentum(double start, const Progress& progress);

/// start + (1 - start) s / S: the same along a line.
/// source    Assran et al. 2023, arXiv:2301.08243; facebookresearch/ijepa src/train.py.
double linear_momentum(double start, const Progress& progress);

/// A copy of an encoder and its head that no gradient reaches and that drops no residual branch.
/// Its state is named "encoder.*" and "<head's name>.*" below the name it is registered under.
template <class Head>
class MomentumBranch final : public nn::Module {
 public:
  /// Starts equal to its leaders. encoder: of the leader's shape; head_shape: what a Head is made of
  /// beside its starting values.
  template <class... HeadShape>
  MomentumBranch(std::unique_ptr<encoders::Encoder> encoder,
                 const encoders::Encoder& leader,
                 std::string head_name,
                 const Head& leading_head,
                 const HeadShape&... head_shape)
      : encoder_(std::move(encoder)), leader_(leader), leading_head_(leading_head) {
    nn::Init any(0);  // its values are replaced at once
    head_ = std::make_unique<Head>(head_shape..., any);
    register_module("encoder", *encoder_);
    register_module(std::move(head_name), *head_);
    nn::start_following(*encoder_, leader_);
    nn::start_following(*head_, leading_head_);
  }

  encoders::Encoder& encoder() const { return *encoder_; }

  const Head& head() const { return *head_; }

  /// x_NCHW [N, C, H, W] -> what the head makes of its features, without a graph.
  at::Tensor forward(const at::Tensor& x_NCHW) const {
    const at::NoGradGuard no_grad;
    return head_->forward(encoder_->forward(x_NCHW));
  }

  /// All its parameters and those that lead them.
  nn::Following following(double tau) const {
    nn::Following out{.tau = tau};
    out.add(*encoder_, leader_);
    out.add(*head_, leading_head_);
    return out;
  }

  /// How far its encoder is from the leader's, as a share of the leader's length: nn::ema_distance.
  at::Tensor distance() const { return nn::ema_distance(*encoder_, leader_); }

 private:
  std::unique_ptr<encoders::Encoder> encoder_;
  std::unique_ptr<Head> head_;
  const encoders::Encoder& leader_;
  const Head& leading_head_;
};

}  // namespace sslrun::methods
