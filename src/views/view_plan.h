// A view as the batched kernels make it: its operations' random parameters, drawn and not yet applied.
#pragma once
#include "image/image.h"
#include "kernels/augment/view_batch_core.h"
#include "views/view_op.h"

#include <array>
#include <cstdint>

namespace sslrun::views {

struct ViewPlan {
  ViewShape shape;
  std::int64_t image_height = 0, image_width = 0;  // of the whole image
  image::Box box{};                                // of the image, resized to the shape by filter
  kernels::ResizeFilter filter = kernels::ResizeFilter::kBilinear;
  bool flip_x = false, flip_y = false;
  std::array<kernels::ToneStep, kernels::kMaxToneSteps> steps{};
  std::int32_t num_steps = 0;
  std::int32_t num_before = 0;  // steps that come before the blur
  bool after_blur = false;      // a blur has had its turn, whether it was drawn or not
  double sigma = 0;             // of the blur; 0: none
  std::int64_t radius = 0;      // taps on each side
  std::int32_t reserved = 0;

  /// Whether there is room for n more steps in every view, also where they are not drawn.
  bool reserve_steps(std::int32_t n) {
    reserved += n;
    return reserved <= kernels::kMaxToneSteps;
  }

  /// Dropped where there is no room: reserve_steps() says so.
  void add(kernels::ToneStep step) {
    if (num_steps == kernels::kMaxToneSteps) return;
    steps[static_cast<std::size_t>(num_steps++)] = step;
    if (!after_blur) num_before = num_steps;
  }
};

}  // namespace sslrun::views
