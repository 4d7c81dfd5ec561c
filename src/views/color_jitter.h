#pragma once
#include "views/view_op.h"

#include <array>
#include <optional>

namespace sslrun::views {

/// Changes brightness, contrast, saturation and hue in an order drawn anew for each view, with
/// probability p.
/// source    torchvision 0.26 RandomApply([ColorJitter(..)], p), on floats: each step clamps to [0,
///           1].
struct ColorJitter final : ViewOp {
  /// One view's parameters. order: a permutation of 0 brightness, 1 contrast, 2 saturation, 3 hue.
  /// brightness, contrast, saturation: factors, 1 changes nothing. hue: in turns, 0 changes
  /// nothing.
  struct Draw {
    std::array<int, 4> order;
    double brightness, contrast, saturation, hue;
  };

  double p = 0.8;
  double brightness = 0.8;
  double contrast = 0.8;
  double saturation = 0.8;
  double hue = 0.2;

  void bind(config::Fields& f) override;
  /// Empty when the view keeps its colours.
  std::optional<Draw> sample(Rng& rng) const;
  /// Other than 3 channels have no saturation or hue; contrast is about each channel's own mean.
  void apply(Rng& rng, Canvas& canvas) const override;
  bool plan(Rng& rng, ViewPlan& view) const override;
  std::string channels_problem(std::int64_t channels) const override;
};

}  // namespace sslrun::views
