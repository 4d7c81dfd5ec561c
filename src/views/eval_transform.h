#pragma once
#include "image/image.h"
#include "views/normalize.h"
#include "views/view_op.h"

#include <cstdint>

namespace sslrun::views {

/// The view that evaluation uses: nothing random. From 64 pixels on the short side becomes
/// round(size * 256 / 224) and the centre [size, size] is kept; below, the short side becomes size.
/// Bilinear with antialias, then normalisation.
/// source    torchvision 0.26 Resize(256), CenterCrop(224), Normalize; the long side is int(short *
///           long / short side).
class EvalTransform {
 public:
  /// size >= 1.
  EvalTransform(std::int64_t size, const ChannelStats& stats);

  ViewShape shape() const { return {size_, size_, static_cast<std::int64_t>(stats_.mean.size())}; }

  /// shapes    image [h, w, channels] of any size >= 1, out_HWC [size, size, channels] float32. Thread-safe.
  void run(const image::Image& image, float* out_HWC) const;

 private:
  std::int64_t size_;
  std::int64_t short_side_;
  ChannelStats stats_;
};

}  // namespace sslrun::views
