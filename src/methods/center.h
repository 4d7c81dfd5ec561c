// The centre of a teacher's outputs.  N rows, K outputs.
#pragma once
#include "dist/world.h"
#include "nn/module.h"

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace sslrun::methods {

/// The moving average of a teacher's outputs, over all ranks: "mean" [K], from 0.
/// source    Caron et al. 2021, arXiv:2104.14294, equation 4; facebookresearch/dino main_dino.py
///           DINOLoss.update_center.
class Center final : public nn::Module {
 public:
  Center(std::int64_t outputs, double momentum);

  /// [K]; what update() moves.
  const at::Tensor& value() const { return center_K_; }

  /// Takes note of a micro-batch's outputs [N, K]; N may differ between ranks.
  void observe(const at::Tensor& logits_NK, dist::World& world);

  /// center = m center + (1 - m) mean of what was observed since the last time; it stays where that
  /// was nothing.
  void update();

  /// Drops what was observed since the last time.
  void forget() { seen_L_.reset(); }

 private:
  double momentum_;
  at::Tensor center_K_;
  at::Tensor seen_L_;  // [K + 1]: sums of the outputs, and how many; undefined: none
};

}  // namespace sslrun::methods
