#include "views/augmentation_preview.h"

#include "base/error.h"
#include "config/document.h"
#include "config/reader.h"
#include "config/writer.h"
#include "views/resize_image.h"
#include "views/sheet.h"
#include "views/view_op.h"
#include "views/view_ops.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>
#include <memory>
#include <string>
#include <vector>

namespace sslrun::views {

namespace {

constexpr std::int64_t kCell = 224;

// The operation with its defaults, certain to happen.
std::shared_ptr<const ViewOp> certain(const config::ComponentSpec& spec) {
  std::vector<config::NamedComponent> ops{config::make_component(view_specs(), spec.name)};
  const auto keys = config::write_json([&](config::Fields& f) { ops[0].config->bind(f); });
  const std::string text =
      fmt::format("ops:\n  - {}: {{{}}}\n", spec.name, keys.contains("p") ? "p: 1" : "");
  config::read(config::parse_document("preview", text),
               [&](config::Fields& f) { f.components("ops", ops, view_specs(), "operations"); });
  return std::dynamic_pointer_cast<const ViewOp>(ops.at(0).config);
}

}  // namespace

image::Image test_card(std::int64_t side) {
  image::Image card;
  card.reshape(side, side, 3);
  const auto n = static_cast<double>(side);
  for (std::int64_t i = 0; i < side * side; ++i) {
    const std::int64_t row = i / side, column = i % side;
    const double y = static_cast<double>(row) / n, x = static_cast<double>(column) / n;
    double r = 0.15 + 0.7 * x, g = 0.25 + 0.5 * y, b = 0.8 - 0.5 * x;
    const double from_disc = std::hypot(y - 0.35, x - 0.35);
    if (from_disc < 0.22) r = 0.9, g = 0.75 - from_disc, b = 0.2;
    if (from_disc < 0.06) r = g = b = 0.05;
    if (y > 0.65 && x > 0.6) {
      const bool light = (row / std::max<std::int64_t>(1, side / 28) +
                          column / std::max<std::int64_t>(1, side / 28)) %
                             2 ==
                         0;
      r = g = b = light ? 0.95 : 0.1;
    }
    if (y > 0.9 && x < 0.55) r = g = b = x / 0.55;
    if (std::abs(y + x - 1.25) < 0.02) r = 0.85, g = 0.1, b = 0.15;
    const double rgb[3] = {r, g, b};
    for (std::int64_t c = 0; c < 3; ++c)
      card.pixels[static_cast<std::size_t>(3 * i + c)] =
          static_cast<std::uint8_t>(std::lround(255 * std::clamp(rgb[c], 0.0, 1.0)));
  }
  return card;
}

image::Image preview_augmentation(const config::ComponentSpec& spec,
                                  const image::Image& image,
                                  std::int64_t draws) {
  const std::shared_ptr<const ViewOp> op = certain(spec);
  const auto* crop = dynamic_cast<const CropOp*>(op.get());
  const std::int64_t side = crop ? crop->side() : kCell;
  const ViewShape shape{side, side, 3};
  const auto* task = dynamic_cast<const TaskOp*>(op.get());
  const ViewForm form = task ? task->form(shape) : ViewForm{shape};
  std::vector<float> out_HWC(static_cast<std::size_t>(form.size()));
  CanvasMemory memory;
  std::vector<std::int64_t> targets(static_cast<std::size_t>(form.targets));
  Sheet sheet(1, draws + 1, kCell);
  sheet.place(0, 0, image);
  for (std::int64_t draw = 0; draw < draws; ++draw) {
    Rng rng(0, Purpose::kView, 0, 0, static_cast<std::uint32_t>(draw));
    Canvas canvas(image, shape, out_HWC.data(), memory, targets.data());
    if (!crop)
      resize_centre(image, kCell, kCell, kernels::ResizeFilter::kBilinear, canvas.pixels());
    op->apply(rng, canvas);
    sheet.place(0, draw + 1, to_image(canvas.pixels(), form));
  }
  return sheet.picture();
}

}  // namespace sslrun::views
