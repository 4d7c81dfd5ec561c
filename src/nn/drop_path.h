#pragma once
#include "nn/module.h"

namespace sslrun::nn {

/// Stochastic depth: in train mode each row of a residual branch is dropped with probability p and
/// the others are scaled by 1 / (1 - p). Draws from Randomness::current().
/// source    Huang et al. 2016, arXiv:1603.09382; per row as timm layers/drop.py.
class DropPath final : public Module {
 public:
  explicit DropPath(double p) : p_(p) {}

  /// x_NTD [N, ..] -> the same shape.
  at::Tensor forward(const at::Tensor& x_NTD) const;

  /// Drops nothing from now on, in train mode neither: what a teacher does.
  void disable() { p_ = 0; }

 private:
  double p_;
};

}  // namespace sslrun::nn
