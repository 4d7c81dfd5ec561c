// A picture of small pictures.
#pragma once
#include "image/image.h"
#include "views/view_op.h"

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

/// Where the pictures of a view lie when they are shown together: row by row, in a square or nearly,
/// one pixel apart.
struct PictureGrid {
  explicit PictureGrid(const ViewForm& form);

  std::int64_t top(std::int64_t picture) const { return picture / columns * (shape.height + 1); }

  std::int64_t left(std::int64_t picture) const { return picture % columns * (shape.width + 1); }

  ViewShape shape;
  std::int64_t columns = 1;
  std::int64_t height = 0, width = 0;  // of all together
};

/// Pixels [pictures, channels, height, width] in [0, 1] as an RGB image of all pictures: the first
/// three channels, or the first as gray where there are fewer.
image::Image to_image(const float* pixels, const ViewForm& form);

}  // namespace sslrun::views
