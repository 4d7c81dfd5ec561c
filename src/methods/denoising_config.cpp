#include "methods/denoising_config.h"

#include "config/fields.h"

#include <array>
#include <string_view>

namespace sslrun::methods {
namespace {

constexpr std::array<std::string_view, 4> kCorruptions = {"gaussian_noise",
                                                          "pixel_dropout",
                                                          "center_block",
                                                          "random_blocks"};
constexpr std::array<std::string_view, 2> kLosses = {"all", "hidden"};

}  // namespace

void DenoisingConfig::bind(config::Fields& fields) {
  fields.choice("corruption",
                corruption.kind,
                kCorruptions,
                "what is done to an image: noise is added, or pixels are hidden");
  fields.real("sigma",
              corruption.sigma,
              {.min = 0, .open_min = true},
              "of gaussian_noise: standard deviation, on the scale of the normalised image");
  fields.real(
      "share",
      corruption.share,
      {.min = 0, .max = 1, .open_min = true, .open_max = true},
      "of the other corruptions: how much of the image is hidden, at most for random_blocks");
  fields.choice("loss", loss, kLosses, "squared error over all pixels, or over the hidden ones");
  fields.integer("decoder_width", decoder_width, {.min = 1}, "channels of the decoder");
  fields.integer("decoder_blocks",
                 decoder_blocks,
                 {.min = 1, .max = 8},
                 "convolutions from 4 x 4 pixels to the image's: 3 for 32 pixels, 6 for 224");
  fields.check("loss",
               loss == "all" || corruption.kind != "gaussian_noise",
               "must be all with gaussian_noise, which hides no pixel",
               "choose another corruption, or loss: all");
}

const config::ComponentSpec& method_spec_denoising() {
  static const config::ComponentSpec spec{
      "denoising",
      "restores an image from one with noise or with pixels hidden",
      "Vincent et al. 2008, ICML; Pathak et al. 2016, arXiv:1604.07379",
      +[]() -> std::unique_ptr<config::Component> { return std::make_unique<DenoisingConfig>(); }};
  return spec;
}

}  // namespace sslrun::methods
