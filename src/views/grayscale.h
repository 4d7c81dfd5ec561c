#pragma once
#include "views/view_op.h"

namespace sslrun::views {

/// Replaces the colours by their luma, .2989 R + .587 G + .114 B, with probability p.
/// source    torchvision 0.26 RandomGrayscale(p), three channels out.
struct Grayscale final : ViewOp {
  double p = 0.2;

  void bind(config::Fields& f) override;

  bool sample(Rng& rng) const { return rng.uniform() < p; }

  void apply(Rng& rng, Canvas& canvas) const override;
  bool plan(Rng& rng, ViewPlan& view) const override;
  std::string channels_problem(std::int64_t channels) const override;
};

}  // namespace sslrun::views
