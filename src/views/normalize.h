#pragma once
#include "views/view_op.h"

#include <string>
#include <vector>

namespace sslrun::views {

/// Mean and standard deviation of each channel, on the scale of [0, 1].
struct ChannelStats {
  std::vector<float> mean;
  std::vector<float> std;
};

/// (x - mean) / std. shapes: pixels [channels, height, width] -> out_HWC [height, width,
/// channels], apart from each other.
void apply_stats(const ChannelStats& stats, ViewShape shape, const float* pixels, float* out_HWC);

/// (x - mean) / std per channel: what the encoder sees.
struct Normalize final : ViewOp {
  std::string preset = "imagenet";
  std::vector<double> mean;  // empty: the preset's
  std::vector<double> std;   // empty: the preset's

  void bind(config::Fields& f) override;
  ChannelStats stats() const;
  void apply(Rng& rng, Canvas& canvas) const override;
  std::string channels_problem(std::int64_t channels) const override;
};

}  // namespace sslrun::views
