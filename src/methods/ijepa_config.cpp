#include "methods/ijepa_config.h"

#include "config/fields.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace sslrun::methods {

void IJepaConfig::bind(config::Fields& fields) {
  fields.integer("targets", targets, {.min = 1, .max = 64}, "blocks to predict in each image");
  fields.range("target_scale",
               target_scale,
               {.min = 0, .max = 1, .open_min = true},
               "share of the image that a target block covers");
  fields.range("target_aspect",
               target_aspect,
               {.min = 0, .max = 100, .open_min = true},
               "rows over columns of a target block; one draw sets both this and the share");
  fields.range("context_scale",
               context_scale,
               {.min = 0, .max = 1, .open_min = true},
               "share of the image that the context covers before the targets are cut out of it");
  fields.integer("min_keep", min_keep, {.min = 0}, "a block holds more patches than this");
  predictor.bind(fields,
                 "predictor",
                 "the transformer that predicts features, dropped after pretraining; officially it "
                 "has as many heads as the encoder");
  fields.real("momentum",
              momentum,
              {.min = 0, .max = 1},
              "of the target encoder at the start; it rises to 1 along a line");
}

std::string IJepaConfig::patch_problem(std::int64_t side, std::int64_t patch_size) const {
  const std::int64_t grid = side / patch_size;
  // Smallest: the low ends of both ranges; sides round, and are below the grid's.
  const auto smallest = [&](const std::array<double, 2>& scale, double ratio) {
    const double area = std::floor(static_cast<double>(grid * grid) * scale[0]);
    const auto below = [&](double length) {
      return std::min(static_cast<std::int64_t>(std::nearbyint(length)), grid - 1);
    };
    return below(std::sqrt(area * ratio)) * below(std::sqrt(area / ratio));
  };
  const std::int64_t target = smallest(target_scale, target_aspect[0]),
                     context = smallest(context_scale, 1);
  if (std::min(target, context) > min_keep) return "";
  return fmt::format(
      "must cut views of {} pixels into patches of which every block holds more than min_keep {}, "
      "got blocks of {} to predict and of {} to see among {} x {}; lower patch_size or "
      "method.min_keep",
      side,
      min_keep,
      target,
      context,
      grid,
      grid);
}

const config::ComponentSpec& method_spec_ijepa() {
  static const config::ComponentSpec spec{
      "ijepa",
      "predicts the features of blocks of an image from the rest of it",
      "Assran et al. 2023, arXiv:2301.08243",
      +[]() -> std::unique_ptr<config::Component> { return std::make_unique<IJepaConfig>(); }};
  return spec;
}

}  // namespace sslrun::methods
