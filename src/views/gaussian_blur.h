#pragma once
#include "views/view_op.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>

namespace sslrun::views {

/// Gaussian blur of random width, with probability p.
/// source    SimCLR, arXiv:2002.05709 appendix A: a kernel of a tenth of the image's side, sigma in
///           [0.1, 2].
struct GaussianBlur final : ViewOp {
  static constexpr std::int64_t kMaxTaps = 129;  // of kernels/augment/gaussian_blur.h

  double p = 0.5;
  std::array<double, 2> sigma{0.1, 2.0};  // in pixels of the view
  std::optional<std::int64_t>
      kernel_size;  // taps on a side, odd; empty: 2 * int(size / 20) + 1, at most kMaxTaps

  void bind(config::Fields& f) override;
  /// Standard deviation in pixels; empty when the view stays sharp.
  std::optional<double> sample(Rng& rng) const;

  /// Taps for a view of this side: kernel_size, or 23 at 224 and 3 at 32.
  std::int64_t taps(std::int64_t size) const {
    return kernel_size.value_or(std::min(2 * (size / 20) + 1, kMaxTaps));
  }

  void apply(Rng& rng, Canvas& canvas) const override;
  bool plan(Rng& rng, ViewPlan& view) const override;
};

}  // namespace sslrun::views
