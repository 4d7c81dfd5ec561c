#include "encoders/convnext_config.h"

#include "config/fields.h"

#include <string_view>

namespace sslrun::encoders {
namespace {

constexpr std::string_view kSource = "Liu et al. 2022, arXiv:2201.03545; names as in timm";

template <std::int64_t kThirdStage>
std::unique_ptr<config::Component> make() {
  return std::make_unique<ConvNeXtConfig>(std::array<std::int64_t, 4>{3, 3, kThirdStage, 3});
}

}  // namespace

void ConvNeXtConfig::bind(config::Fields& fields) {
  fields.integer(
      "width", width, {.min = 1}, "channels of the first stage; the later ones double it");
  fields.real("layer_scale",
              layer_scale,
              {.min = 0, .open_min = true},
              "starting value of a factor on each residual branch");
  fields.real("drop_path",
              drop_path,
              {.min = 0, .max = 1, .open_max = true},
              "probability that a residual branch is left out in training, rising from 0 in the "
              "first block to this in the last");
}

config::Registry encoder_specs_convnext() {
  static const config::ComponentSpec tiny{
      "convnext_tiny", "ConvNeXt-T, 27.8 M parameters", kSource, make<9>};
  static const config::ComponentSpec small{
      "convnext_small", "ConvNeXt-S, 49.5 M parameters", kSource, make<27>};
  static const config::ComponentSpec* const specs[] = {&tiny, &small};
  return specs;
}

}  // namespace sslrun::encoders
