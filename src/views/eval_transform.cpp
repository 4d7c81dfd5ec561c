#include "views/eval_transform.h"

#include "base/error.h"
#include "views/resize_image.h"

#include <cmath>

namespace sslrun::views {

namespace {

constexpr std::int64_t kSmallestCentreCrop = 64;

}  // namespace

EvalTransform::EvalTransform(std::int64_t size, const ChannelStats& stats)
    : size_(size),
      short_side_(size < kSmallestCentreCrop
                      ? size
                      : std::llround(static_cast<double>(size) * 256.0 / 224.0)),
      stats_(stats) {
  check_invariant(size >= 1, "an evaluation view has a side of at least one pixel");
}

void EvalTransform::run(const image::Image& image, float* out_HWC) const {
  check_invariant(image.channels == shape().channels && image.width > 0 && image.height > 0,
                  "an image to view has the channels of the statistics and is not empty");
  thread_local CanvasMemory memory;
  Canvas canvas(image, shape(), out_HWC, memory);
  resize_centre(image, short_side_, size_, kernels::ResizeFilter::kBilinear, canvas.pixels());
  canvas.deliver(stats_);
}

}  // namespace sslrun::views
