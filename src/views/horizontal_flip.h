#pragma once
#include "views/view_op.h"

namespace sslrun::views {

/// Mirrors left and right with probability p. source: torchvision 0.26 RandomHorizontalFlip.
struct HorizontalFlip final : ViewOp {
  double p = 0.5;

  void bind(config::Fields& f) override;

  bool sample(Rng& rng) const { return rng.uniform() < p; }

  void apply(Rng& rng, Canvas& canvas) const override;
  bool plan(Rng& rng, ViewPlan& view) const override;
};

}  // namespace sslrun::views
