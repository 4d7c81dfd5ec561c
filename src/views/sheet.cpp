#include "views/sheet.h"

#include "base/error.h"
#include "views/byte_levels.h"
#include "views/resize_image.h"

#include <algorithm>
#include <vector>

namespace sslrun::views {

namespace {

constexpr std::int64_t kGap = 2;
constexpr std::uint8_t kBackground = 128;

}  // namespace

Sheet::Sheet(std::int64_t rows, std::int64_t columns, std::int64_t cell) : cell_(cell) {
  check_invariant(rows >= 1 && columns >= 1 && cell >= 1, "a sheet has a cell");
  picture_.reshape(columns * (cell + kGap) - kGap, rows * (cell + kGap) - kGap, 3);
  std::fill(picture_.pixels.begin(), picture_.pixels.end(), kBackground);
}

void Sheet::place(std::int64_t row, std::int64_t column, const image::Image& image) {
  const std::int64_t longer = std::max(image.height, image.width);
  const std::int64_t height = std::max<std::int64_t>(1, image.height * cell_ / longer);
  const std::int64_t width = std::max<std::int64_t>(1, image.width * cell_ / longer);
  std::vector<float> pixels(static_cast<std::size_t>(image.channels * height * width));
  resize_box(image,
             {0, 0, image.height, image.width},
             kernels::ResizeFilter::kBilinear,
             height,
             width,
             pixels.data());
  const image::Image small = to_image(pixels.data(), {{height, width, image.channels}});
  const std::int64_t top = row * (cell_ + kGap) + (cell_ - height) / 2;
  const std::int64_t left = column * (cell_ + kGap) + (cell_ - width) / 2;
  check_invariant(
      top >= 0 && left >= 0 && top + height <= picture_.height && left + width <= picture_.width,
      "the cell lies on the sheet");
  for (std::int64_t y = 0; y < height; ++y)
    std::copy_n(small.pixels.data() + y * width * 3,
                width * 3,
                picture_.pixels.data() + ((top + y) * picture_.width + left) * 3);
}

PictureGrid::PictureGrid(const ViewForm& form) : shape(form.shape) {
  while (columns * columns < form.pictures) ++columns;
  height = top(form.pictures - 1) + shape.height;
  width = left(std::min(columns, form.pictures) - 1) + shape.width;
}

image::Image to_image(const float* pixels, const ViewForm& form) {
  const PictureGrid grid(form);
  image::Image out;
  out.reshape(grid.width, grid.height, 3);
  std::fill(out.pixels.begin(), out.pixels.end(), kBackground);
  const std::int64_t plane = form.shape.height * form.shape.width;
  for (std::int64_t p = 0; p < form.pictures; ++p, pixels += form.shape.size()) {
    for (std::int64_t i = 0; i < plane; ++i) {
      const std::int64_t y = grid.top(p) + i / form.shape.width;
      const std::int64_t x = grid.left(p) + i % form.shape.width;
      std::uint8_t* to = out.pixels.data() + (y * out.width + x) * 3;
      for (std::int64_t c = 0; c < 3; ++c)
        to[c] = to_level(pixels[(form.shape.channels >= 3 ? c * plane : 0) + i]);
    }
  }
  return out;
}

}  // namespace sslrun::views
