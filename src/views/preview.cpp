#include "views/preview.h"

#include "base/error.h"
#include "views/sheet.h"

#include <algorithm>
#include <cmath>

namespace sslrun::views {

namespace {

constexpr std::int64_t kGap = 2;
constexpr std::int64_t kCell = 112;  // views far smaller than this are enlarged
constexpr std::uint8_t kBackground = 128;

std::uint8_t visible(float value) {
  // A NaN compares false with both bounds of std::clamp: written as black.
  return static_cast<std::uint8_t>(
      std::lround((value > 0.0f ? std::min(value, 1.0f) : 0.0f) * 255));
}

// The first three channels; the only one, or the first of two, as gray.
void paint(const float* view_HWC,
           ViewShape shape,
           const ChannelStats& stats,
           std::int64_t zoom,
           image::Image& out,
           std::int64_t top,
           std::int64_t left) {
  for (std::int64_t y = 0; y < shape.height * zoom; ++y) {
    const float* from = view_HWC + y / zoom * shape.width * shape.channels;
    std::uint8_t* row = out.pixels.data() + ((top + y) * out.width + left) * 3;
    for (std::int64_t i = 0; i < shape.width * zoom * 3; ++i) {
      const std::int64_t c = shape.channels >= 3 ? i % 3 : 0;
      const auto s = static_cast<std::size_t>(c);
      row[i] = visible(from[i / 3 / zoom * shape.channels + c] * stats.std[s] + stats.mean[s]);
    }
  }
}

}  // namespace

image::Image preview_grid(const Pipeline& pipeline,
                          std::span<const data::ViewBuffer> views,
                          std::int64_t rows) {
  check_invariant(rows >= 1 && static_cast<std::int64_t>(views.size()) == pipeline.num_views(),
                  "a preview has a row and every view of the pipeline");
  std::int64_t cell = 0;
  for (std::int64_t v = 0; v < pipeline.num_views(); ++v) {
    const PictureGrid grid(pipeline.form(v));
    cell = std::max({cell, grid.height, grid.width});
  }
  image::Image out;
  const std::int64_t zoom = std::max<std::int64_t>(1, kCell / cell);
  const std::int64_t pitch = cell * zoom + kGap;
  out.reshape(pipeline.num_views() * pitch - kGap, rows * pitch - kGap, 3);
  std::fill(out.pixels.begin(), out.pixels.end(), kBackground);
  for (std::int64_t v = 0; v < pipeline.num_views(); ++v) {
    const ViewForm& form = pipeline.form(v);
    const PictureGrid grid(form);
    const data::ViewBuffer& view = views[static_cast<std::size_t>(v)];
    check_invariant(static_cast<std::int64_t>(view.size()) >= rows * form.size(),
                    "a preview's views hold its rows");
    for (std::int64_t i = 0; i < rows * form.pictures; ++i) {
      const std::int64_t row = i / form.pictures, picture = i % form.pictures;
      paint(view.data() + i * form.shape.size(),
            form.shape,
            pipeline.stats(v),
            zoom,
            out,
            row * pitch + grid.top(picture) * zoom,
            v * pitch + grid.left(picture) * zoom);
    }
  }
  return out;
}

}  // namespace sslrun::views
