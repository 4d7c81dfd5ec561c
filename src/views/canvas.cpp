#include "views/canvas.h"

#include "base/error.h"
#include "kernels/augment/normalize.h"
#include "kernels/augment/unit_core.h"
#include "views/resize_image.h"

#include <algorithm>
#include <utility>

namespace sslrun::views {

Canvas::Canvas(const image::Image& source,
               ViewShape shape,
               float* out_HWC,
               CanvasMemory& memory,
               std::int64_t* targets)
    : source_(source), shape_(shape), out_HWC_(out_HWC), memory_(memory), targets_(targets) {
  const auto size = static_cast<std::size_t>(shape.size());
  if (memory.pixels.size() < size) memory.pixels.resize(size);
}

void Canvas::crop(const image::Box& box, kernels::ResizeFilter filter) {
  in_bytes_ = false;
  num_steps_ = 0;
  crop_ = Crop{box, filter, false};
}

void Canvas::mirror() {
  if (crop_ && num_steps_ == 0) {
    crop_->flip = !crop_->flip;
    return;
  }
  float* row = pixels();
  for (std::int64_t i = 0; i < shape_.channels * shape_.height; ++i, row += shape_.width)
    std::reverse(row, row + shape_.width);
}

void Canvas::add(kernels::ToneStep step) {
  if (shape_.channels != 3) return change_channels(step);
  if (num_steps_ == kernels::kMaxToneSteps) pixels();
  steps_[num_steps_++] = step;
}

float* Canvas::pixels() {
  run_crop();
  if (in_bytes_ || num_steps_ > 0) {
    const kernels::ColorJitterView view = pending();
    kernels::color_jitter({&view, 1, shape_.height * shape_.width}, kernels::Cpu{});
  }
  return memory_.pixels.data();
}

float* Canvas::divide(std::int64_t pictures, ViewShape shape) {
  pixels();
  pictures_ = pictures;
  shape_ = shape;
  const auto size = static_cast<std::size_t>(pictures * shape.size());
  if (memory_.pixels.size() < size) memory_.pixels.resize(size);
  return memory_.pixels.data();
}

void Canvas::deliver(const ChannelStats& stats) {
  if (shape_.channels != 3 || pictures_ != 1) {
    const float* from = pixels();
    for (std::int64_t at = 0; at < pictures_ * shape_.size(); at += shape_.size())
      apply_stats(stats, shape_, from + at, out_HWC_ + at);
    return;
  }
  run_crop();
  kernels::ColorJitterView view = pending();
  view.out = out_HWC_;
  kernels::ColorJitterArgs args{&view, 1, shape_.height * shape_.width};
  std::copy_n(stats.mean.begin(), 3, args.mean);
  std::copy_n(stats.std.begin(), 3, args.std);
  kernels::color_jitter(args, kernels::Cpu{});
}

float* Canvas::scratch(std::int64_t n) {
  const auto size = static_cast<std::size_t>(n);
  if (memory_.scratch.size() < size) memory_.scratch.resize(size);
  return memory_.scratch.data();
}

// Bytes stay bytes for the sweep that comes next, if that can begin with them.
void Canvas::run_crop() {
  if (!crop_) return;
  const Crop crop = *std::exchange(crop_, std::nullopt);
  const auto [height, width, channels] = shape_;
  if (channels != 3 || source_.bits != 8) {
    resize_box(source_, crop.box, crop.filter, height, width, memory_.pixels.data(), crop.flip);
    return;
  }
  const auto size = static_cast<std::size_t>(shape_.size());
  if (memory_.bytes.size() < size) memory_.bytes.resize(size);
  resize_bytes(source_, crop.box, crop.filter, crop.flip, height, width, memory_.bytes.data());
  in_bytes_ = true;
}

// The steps put off, which count as run from here on.
kernels::ColorJitterView Canvas::pending() {
  kernels::ColorJitterView view{.pixels = memory_.pixels.data()};
  std::copy_n(steps_, num_steps_, view.steps);
  if (in_bytes_) view.bytes = memory_.bytes.data();
  in_bytes_ = false;
  num_steps_ = 0;
  return view;
}

void Canvas::change_channels(kernels::ToneStep step) {
  using Op = kernels::ToneOp;
  const std::int64_t n = shape_.height * shape_.width;
  float* end = pixels() + shape_.size();
  for (float* x = memory_.pixels.data(); x != end; x += n) {
    if (step.op == Op::kSolarize || step.op == Op::kPosterize) {
      for (std::int64_t i = 0; i < n; ++i) x[i] = kernels::tone(x[i], step);
      continue;
    }
    check_invariant(step.op == Op::kBrightness || step.op == Op::kContrast,
                    "saturation, hue and grey are of three channels");
    double sum = 0;
    if (step.op == Op::kContrast)
      for (std::int64_t i = 0; i < n; ++i) sum += x[i];
    const auto mean = static_cast<float>(sum / static_cast<double>(n));
    for (std::int64_t i = 0; i < n; ++i) x[i] = kernels::blend(x[i], mean, step.amount);
  }
}

void apply_stats(const ChannelStats& s, ViewShape shape, const float* pixels, float* out_HWC) {
  const kernels::NormalizeView view{.pixels = pixels, .out = out_HWC};
  kernels::NormalizeArgs args{&view, 1, shape.height * shape.width, {}, {}, shape.channels};
  std::copy(s.mean.begin(), s.mean.end(), args.mean);
  std::copy(s.std.begin(), s.std.end(), args.std);
  kernels::normalize(args, kernels::Cpu{});
}

}  // namespace sslrun::views
