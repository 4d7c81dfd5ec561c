#pragma once
#include "views/resize_image.h"
#include "views/view_op.h"

#include <array>
#include <cstdint>

namespace sslrun::views {

/// A random part of the image, resized to a square by an antialiased filter.
/// source    torchvision 0.26 RandomResizedCrop.get_params: 10 tries, then the centre crop nearest
///           to the ratios.
struct RandomResizedCrop final : CropOp {
  std::int64_t size = 224;
  std::array<double, 2> scale{0.08, 1.0};
  std::array<double, 2> ratio{3.0 / 4.0, 4.0 / 3.0};

  Interpolation interpolation;

  void bind(config::Fields& f) override;

  std::int64_t side() const override { return size; }

  Box part(Rng& rng, std::int64_t height, std::int64_t width) const override;
  void apply(Rng& rng, Canvas& canvas) const override;
  bool plan(Rng& rng, ViewPlan& view) const override;
};

}  // namespace sslrun::views
