#include "views/normalize.h"

#include "config/fields.h"
#include "kernels/augment/normalize.h"

#include <algorithm>
#include <string_view>

namespace sslrun::views {

namespace {

constexpr std::array<std::string_view, 2> kPresets{"imagenet", "cifar10"};
constexpr ChannelStats kImageNet{{0.485f, 0.456f, 0.406f}, {0.229f, 0.224f, 0.225f}};
constexpr ChannelStats kCifar10{{0.4914f, 0.4822f, 0.4465f}, {0.2470f, 0.2435f, 0.2616f}};

bool three_or_none(const std::vector<double>& values) {
  return values.empty() || values.size() == 3;
}

}  // namespace

void Normalize::bind(config::Fields& f) {
  f.shorthand("preset");
  f.choice(
      "preset", preset, kPresets, "data set whose mean and std are used where these are not given");
  f.reals("mean",
          mean,
          {.min = 0, .max = 1},
          "mean of red, green and blue on the scale of [0, 1]; empty: the preset's");
  f.check(
      "mean", three_or_none(mean), "must hold 3 numbers", "give one for red, green and blue each");
  f.reals("std",
          std,
          {.min = 0, .open_min = true},
          "standard deviation of red, green and blue on the scale of [0, 1]; empty: the preset's");
  f.check(
      "std", three_or_none(std), "must hold 3 numbers", "give one for red, green and blue each");
}

ChannelStats Normalize::stats() const {
  ChannelStats stats = preset == "cifar10" ? kCifar10 : kImageNet;
  const auto narrow = [](double x) { return static_cast<float>(x); };
  if (mean.size() == 3) std::transform(mean.begin(), mean.end(), stats.mean.begin(), narrow);
  if (std.size() == 3) std::transform(std.begin(), std.end(), stats.std.begin(), narrow);
  return stats;
}

void apply_stats(const ChannelStats& s, ViewShape shape, const float* pixels, float* out_HWC) {
  const kernels::NormalizeView view{.pixels = pixels, .out = out_HWC};
  kernels::normalize({&view,
                      1,
                      shape.height * shape.width,
                      {s.mean[0], s.mean[1], s.mean[2]},
                      {s.std[0], s.std[1], s.std[2]}},
                     kernels::Cpu{});
}

void Normalize::apply(Rng&, Canvas& canvas) const {
  apply_stats(stats(), canvas.shape, canvas.pixels, canvas.out_HWC);
}

const config::ComponentSpec& view_spec_normalize() {
  static const config::ComponentSpec spec{"normalize",
                                          "(x - mean) / std per channel",
                                          "torchvision 0.26 Normalize",
                                          make_op<Normalize>};
  return spec;
}

}  // namespace sslrun::views
