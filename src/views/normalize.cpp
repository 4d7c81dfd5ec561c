#include "views/normalize.h"

#include "config/fields.h"
#include "views/view_plan.h"

#include <fmt/format.h>

#include <array>
#include <cmath>
#include <string_view>

namespace sslrun::views {

namespace {

constexpr std::array<std::string_view, 2> kPresets{"imagenet", "cifar10"};

const ChannelStats& preset_stats(std::string_view name) {
  static const ChannelStats cifar10{{0.4914f, 0.4822f, 0.4465f}, {0.2470f, 0.2435f, 0.2616f}};
  static const ChannelStats imagenet{{0.485f, 0.456f, 0.406f}, {0.229f, 0.224f, 0.225f}};
  return name == "cifar10" ? cifar10 : imagenet;
}

void assign_own_stats(ViewShape shape, const float* pixels, ChannelStats& stats) {
  const std::int64_t n = shape.height * shape.width;
  stats.mean.clear();
  stats.std.clear();
  for (const float* x = pixels; x != pixels + shape.size(); x += n) {
    double sum = 0, squares = 0;
    for (std::int64_t i = 0; i < n; ++i) sum += x[i];
    const double mean = sum / static_cast<double>(n);
    for (std::int64_t i = 0; i < n; ++i) squares += (x[i] - mean) * (x[i] - mean);
    const double std = n > 1 ? std::sqrt(squares / static_cast<double>(n - 1)) : 0;
    stats.mean.push_back(static_cast<float>(mean));
    stats.std.push_back(std > 0 ? static_cast<float>(std) : 1.0f);
  }
}

}  // namespace

void Normalize::bind(config::Fields& f) {
  f.shorthand("preset");
  f.choice(
      "preset", preset, kPresets, "data set whose mean and std are used where these are not given");
  f.reals("mean",
          mean,
          {.min = 0, .max = 1},
          "mean of each channel on the scale of [0, 1]; empty: the preset's");
  f.reals("std",
          std,
          {.min = 0, .open_min = true},
          "standard deviation of each channel on the scale of [0, 1]; empty: the preset's");
  f.boolean("per_picture",
            per_picture,
            "take each picture's own mean and std; those above serve evaluation and previews");
}

ChannelStats Normalize::stats() const {
  ChannelStats stats;
  assign_stats(stats);
  return stats;
}

void Normalize::assign_stats(ChannelStats& stats) const {
  stats = preset_stats(preset);
  if (!mean.empty()) stats.mean.assign(mean.begin(), mean.end());
  if (!std.empty()) stats.std.assign(std.begin(), std.end());
}

std::string Normalize::channels_problem(std::int64_t channels) const {
  const ChannelStats s = stats();
  for (const std::vector<float>& values : {s.mean, s.std}) {
    if (static_cast<std::int64_t>(values.size()) != channels)
      return fmt::format(
          "needs mean and std of {} channel{}, got {}; `sslrun data stats` prints them",
          channels,
          channels == 1 ? "" : "s",
          values.size());
  }
  return "";
}

void Normalize::apply(Rng&, Canvas& canvas) const {
  thread_local ChannelStats current;  // keeps its memory from view to view
  if (!per_picture) {
    assign_stats(current);
    return canvas.deliver(current);
  }
  const ViewShape shape = canvas.shape();
  const float* pixels = canvas.pixels();
  for (std::int64_t at = 0; at < canvas.pictures() * shape.size(); at += shape.size()) {
    assign_own_stats(shape, pixels + at, current);
    apply_stats(current, shape, pixels + at, canvas.out_HWC() + at);
  }
}

bool Normalize::plan(Rng&, ViewPlan&) const {
  return !per_picture;
}

const config::ComponentSpec& view_spec_normalize() {
  static const config::ComponentSpec spec{"normalize",
                                          "(x - mean) / std per channel",
                                          "torchvision 0.26 Normalize",
                                          make_op<Normalize>};
  return spec;
}

}  // namespace sslrun::views
