#pragma once
#include "views/view_op.h"

#include <array>
#include <cstdint>

namespace sslrun::views {

/// A rectangle of whole pixels.
struct Box {
  std::int64_t top = 0;
  std::int64_t left = 0;
  std::int64_t height = 0;
  std::int64_t width = 0;
};

/// A random part of the image, resized to a square by the antialiased bilinear filter.
/// source    torchvision 0.26 RandomResizedCrop.get_params: 10 tries, then the centre crop nearest
///           to the ratios.
struct RandomResizedCrop final : ViewOp {
  std::int64_t size = 224;
  std::array<double, 2> scale{0.08, 1.0};
  std::array<double, 2> ratio{3.0 / 4.0, 4.0 / 3.0};

  void bind(config::Fields& f) override;
  /// The part of a [height, width] image to keep; always inside it and not empty.
  Box sample(Rng& rng, std::int64_t height, std::int64_t width) const;
  void apply(Rng& rng, Canvas& canvas) const override;
};

}  // namespace sslrun::views
