#pragma once
#include "views/view_op.h"

#include <string>
#include <vector>

namespace sslrun::views {

/// (x - mean) / std per channel: what the encoder sees. per_picture: with each picture's own mean and
/// unbiased standard deviation per channel, 1 where that is 0, as jigsaw puzzles want their tiles
/// (bbrattoli/JigsawPuzzlePytorch Dataset/JigsawImageLoader.py).
struct Normalize final : ViewOp {
  std::string preset = "imagenet";
  std::vector<double> mean;  // empty: the preset's
  std::vector<double> std;   // empty: the preset's
  bool per_picture = false;

  void bind(config::Fields& f) override;
  /// Of the data set, also where each picture has its own: evaluation and previews use them.
  ChannelStats stats() const;
  void apply(Rng& rng, Canvas& canvas) const override;
  bool plan(Rng& rng, ViewPlan& view) const override;
  std::string channels_problem(std::int64_t channels) const override;

 private:
  void assign_stats(ChannelStats& stats) const;
};

}  // namespace sslrun::views
