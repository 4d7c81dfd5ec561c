#include "views/color_jitter.h"

#include "config/fields.h"
#include "views/view_plan.h"

#include <algorithm>
#include <utility>

namespace sslrun::views {

namespace {

double factor(Rng& rng, double strength) {
  return rng.uniform(std::max(0.0, 1.0 - strength), 1.0 + strength);
}

// The drawn steps, in the drawn order.
std::array<kernels::ToneStep, 4> steps_of(const ColorJitter::Draw& draw) {
  using Op = kernels::ToneOp;
  const auto narrow = [](double x) { return static_cast<float>(x); };
  const std::array<kernels::ToneStep, 4> steps{{{Op::kBrightness, narrow(draw.brightness)},
                                                {Op::kContrast, narrow(draw.contrast)},
                                                {Op::kSaturation, narrow(draw.saturation)},
                                                {Op::kHue, narrow(draw.hue)}}};
  std::array<kernels::ToneStep, 4> ordered{};
  for (std::size_t i = 0; i < steps.size(); ++i)
    ordered[i] = steps[static_cast<std::size_t>(draw.order[i])];
  return ordered;
}

}  // namespace

void ColorJitter::bind(config::Fields& f) {
  f.real("p", p, {.min = 0, .max = 1}, "probability to change the colours at all");
  f.real("brightness",
         brightness,
         {.min = 0},
         "strength b: the factor is uniform in [max(0, 1 - b), 1 + b]");
  f.real("contrast",
         contrast,
         {.min = 0},
         "strength c: the factor is uniform in [max(0, 1 - c), 1 + c]");
  f.real("saturation",
         saturation,
         {.min = 0},
         "strength s: the factor is uniform in [max(0, 1 - s), 1 + s]");
  f.real("hue",
         hue,
         {.min = 0, .max = 0.5},
         "strength h: the hue turns by a part of a circle uniform in [-h, h]");
}

std::optional<ColorJitter::Draw> ColorJitter::sample(Rng& rng) const {
  if (!(rng.uniform() < p)) return std::nullopt;
  Draw draw{.order = {0, 1, 2, 3}, .brightness = 1, .contrast = 1, .saturation = 1, .hue = 0};
  for (std::size_t i = 3; i > 0; --i) {  // Fisher and Yates' shuffle
    std::swap(draw.order[i],
              draw.order[static_cast<std::size_t>(rng.below(static_cast<std::int64_t>(i) + 1))]);
  }
  draw.brightness = factor(rng, brightness);
  draw.contrast = factor(rng, contrast);
  draw.saturation = factor(rng, saturation);
  draw.hue = rng.uniform(-hue, hue);
  return draw;
}

void ColorJitter::apply(Rng& rng, Canvas& canvas) const {
  const std::optional<Draw> draw = sample(rng);
  if (!draw) return;
  const bool colors = canvas.shape().channels == 3;
  for (const kernels::ToneStep& step : steps_of(*draw)) {
    if (colors || step.op == kernels::ToneOp::kBrightness || step.op == kernels::ToneOp::kContrast)
      canvas.add(step);
  }
}

bool ColorJitter::plan(Rng& rng, ViewPlan& view) const {
  if (const std::optional<Draw> draw = sample(rng)) {
    for (const kernels::ToneStep& step : steps_of(*draw)) view.add(step);
  }
  return !view.after_blur && view.shape.channels == 3 && view.reserve_steps(4);
}

std::string ColorJitter::channels_problem(std::int64_t channels) const {
  return channels == 3 || (saturation == 0 && hue == 0)
             ? ""
             : "needs the 3 channels of RGB, or saturation: 0 and hue: 0";
}

const config::ComponentSpec& view_spec_color_jitter() {
  static const config::ComponentSpec spec{
      "color_jitter",
      "changes brightness, contrast, saturation and hue in a random order",
      "torchvision 0.26 ColorJitter in RandomApply",
      make_op<ColorJitter>};
  return spec;
}

}  // namespace sslrun::views
