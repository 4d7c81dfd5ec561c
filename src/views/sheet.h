// A picture of small pictures.
#pragma once
#include "image/image.h"

#include <cstdint>

namespace sslrun::views {

/// Square cells of `cell` pixels with 2 between them, gray where nothing was placed.
class Sheet {
 public:
  /// rows, columns, cell >= 1.
  Sheet(std::int64_t rows, std::int64_t columns, std::int64_t cell);

  /// The image [h, w, channels], as large as fits into the cell, its proportions kept, in the middle.
  void place(std::int64_t row, std::int64_t column, const image::Image& image);

  const image::Image& picture() const { return picture_; }

 private:
  std::int64_t cell_;
  image::Image picture_;
};

/// Pixels [channels, height, width] in [0, 1] as an RGB image: the first three channels, or the first
/// as gray where there are fewer.
image::Image to_image(const float* pixels,
                      std::int64_t channels,
                      std::int64_t height,
                      std::int64_t width);

}  // namespace sslrun::views
