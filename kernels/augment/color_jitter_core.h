// Arithmetic of color_jitter on pixels in [0, 1], as torchvision.transforms.functional has it on
// float tensors; every step clamps to [0, 1]. Hue is turned by h -> value - chroma * clamp(min(k, 4
// - k), 0, 1), k = (6 h + n) mod 6, n = 5, 3, 1 for red, green, blue: the same function as HSV
// there and back, without its branches.
#pragma once
#include "kernels/augment/tone_core.h"
#include "kernels/host_device.h"

#include <cmath>
#include <cstdint>

namespace sslrun::kernels {

enum class ToneOp : std::int32_t {
  kNone,
  kBrightness,
  kContrast,
  kSaturation,
  kHue,
  kGrayscale,
  kSolarize,
  kPosterize
};

/// amount: what the value (brightness), the distance from the mean grey (contrast) or from the
/// pixel's own grey (saturation) is multiplied by, >= 0; for hue the turn of the colour circle, in
/// [-0.5, 0.5]; the threshold of solarize; the bits of posterize.
struct ToneStep {
  ToneOp op = ToneOp::kNone;
  float amount = 1.f;
};

constexpr int kMaxToneSteps = 8;

struct Rgb {
  float r, g, b;
};

/// Partial sums of the grey mean: lane j adds pixels j, j + kGrayLanes, ...; then lane j takes lane
/// j + step for step = kGrayLanes / 2, ..., 1. The order is the same on both devices.
constexpr int kGrayLanes = 1024;

SSLRUN_HD float min_of(float a, float b) {
  return a < b ? a : b;
}

SSLRUN_HD float max_of(float a, float b) {
  return a > b ? a : b;
}

SSLRUN_HD float clamp01(float x) {
  return min_of(max_of(x, 0.f), 1.f);
}

SSLRUN_HD float gray(Rgb p) {
  return 0.2989f * p.r + 0.587f * p.g + 0.114f * p.b;
}

SSLRUN_HD Rgb gray_pixel(Rgb p) {
  const float l = gray(p);
  return {l, l, l};
}

/// factor * x + (1 - factor) * other, clamped.
SSLRUN_HD float blend(float x, float other, float factor) {
  return clamp01(factor * x + (1.f - factor) * other);
}

SSLRUN_HD Rgb brightness(Rgb p, float factor) {
  return {clamp01(factor * p.r), clamp01(factor * p.g), clamp01(factor * p.b)};
}

/// mean: the mean of gray() over the picture as it is before this step.
SSLRUN_HD Rgb contrast(Rgb p, float factor, float mean) {
  return {blend(p.r, mean, factor), blend(p.g, mean, factor), blend(p.b, mean, factor)};
}

SSLRUN_HD Rgb saturation(Rgb p, float factor) {
  const float l = gray(p);
  return {blend(p.r, l, factor), blend(p.g, l, factor), blend(p.b, l, factor)};
}

/// One channel of a colour whose hue, in sixths of a turn and shifted for the channel, is in [0,
/// 18).
SSLRUN_HD float hue_channel(float sixths, float value, float chroma) {
  const float k = sixths - 6.f * floorf(sixths * (1.f / 6.f));
  return clamp01(value - chroma * clamp01(min_of(k, 4.f - k)));
}

/// turns: in [-0.5, 0.5].
SSLRUN_HD Rgb hue(Rgb p, float turns) {
  const float value = max_of(p.r, max_of(p.g, p.b));
  const float chroma = value - min_of(p.r, min_of(p.g, p.b));
  const bool red = value == p.r, green = value == p.g;
  const float origin = red ? 0.f : green ? 2.f : 4.f;
  const float difference = red ? p.g - p.b : green ? p.b - p.r : p.r - p.g;
  const float sixths = origin + difference / (chroma > 0.f ? chroma : 1.f) + 6.f * turns + 6.f;
  return {hue_channel(sixths + 5.f, value, chroma),
          hue_channel(sixths + 3.f, value, chroma),
          hue_channel(sixths + 1.f, value, chroma)};
}

/// A step that looks at one value only.
SSLRUN_HD float tone(float x, ToneStep step) {
  return step.op == ToneOp::kSolarize    ? solarized(x, step.amount)
         : step.op == ToneOp::kPosterize ? posterized(x, static_cast<int>(step.amount))
                                         : x;
}

/// One step on one pixel. mean: see contrast(); other steps do not look at it.
SSLRUN_HD Rgb tone(Rgb p, ToneStep step, float mean) {
  switch (step.op) {
    case ToneOp::kBrightness:
      return brightness(p, step.amount);
    case ToneOp::kContrast:
      return contrast(p, step.amount, mean);
    case ToneOp::kSaturation:
      return saturation(p, step.amount);
    case ToneOp::kHue:
      return hue(p, step.amount);
    case ToneOp::kGrayscale:
      return gray_pixel(p);
    default:
      return {tone(p.r, step), tone(p.g, step), tone(p.b, step)};
  }
}

/// First contrast step at `from` or later, kMaxToneSteps when there is none. Such a step needs the
/// mean of the whole picture, so it starts a new sweep over the pixels.
SSLRUN_HD int next_contrast(const ToneStep* steps, int from) {
  int i = from;
  while (i < kMaxToneSteps && steps[i].op != ToneOp::kContrast) ++i;
  return i;
}

}  // namespace sslrun::kernels
