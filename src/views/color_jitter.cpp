#include "views/color_jitter.h"

#include "config/fields.h"
#include "kernels/augment/color_jitter.h"
#include "views/view_plan.h"

#include <algorithm>
#include <utility>

namespace sslrun::views {

namespace {

double factor(Rng& rng, double strength) {
  return rng.uniform(std::max(0.0, 1.0 - strength), 1.0 + strength);
}

// Brightness and contrast in their order, channel by channel.
void jitter_channels(const ColorJitter::Draw& draw, Canvas& canvas) {
  const std::int64_t n = canvas.shape.height * canvas.shape.width;
  for (std::int64_t c = 0; c < canvas.shape.channels; ++c) {
    float* x = canvas.pixels + c * n;
    for (const int op : draw.order) {
      if (op > 1) continue;
      const auto by = static_cast<float>(op == 0 ? draw.brightness : draw.contrast);
      double sum = 0;
      for (std::int64_t i = 0; i < n; ++i) sum += x[i];
      const float mean = op == 0 ? 0.0f : static_cast<float>(sum / static_cast<double>(n));
      for (std::int64_t i = 0; i < n; ++i) x[i] = kernels::blend(x[i], mean, by);
    }
  }
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
  if (canvas.shape.channels != 3) return jitter_channels(*draw, canvas);
  using Op = kernels::JitterOp;
  const auto narrow = [](double x) { return static_cast<float>(x); };
  const std::array<kernels::JitterStep, kernels::kJitterSteps> steps{
      {{Op::kBrightness, narrow(draw->brightness)},
       {Op::kContrast, narrow(draw->contrast)},
       {Op::kSaturation, narrow(draw->saturation)},
       {Op::kHue, narrow(draw->hue)}}};
  kernels::ColorJitterView view{.pixels = canvas.pixels, .steps = {}, .grayscale = false};
  for (std::size_t i = 0; i < steps.size(); ++i)
    view.steps[i] = steps[static_cast<std::size_t>(draw->order[i])];
  kernels::color_jitter({&view, 1, canvas.shape.height * canvas.shape.width}, kernels::Cpu{});
}

bool ColorJitter::plan(Rng& rng, ViewPlan& view) const {
  using Op = kernels::ToneOp;
  if (const std::optional<Draw> draw = sample(rng)) {
    const std::array<std::pair<Op, double>, 4> steps{{{Op::kBrightness, draw->brightness},
                                                      {Op::kContrast, draw->contrast},
                                                      {Op::kSaturation, draw->saturation},
                                                      {Op::kHue, draw->hue}}};
    for (const int i : draw->order) {
      const auto& [op, factor] = steps[static_cast<std::size_t>(i)];
      view.add({op, static_cast<float>(factor)});
    }
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
