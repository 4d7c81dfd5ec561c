// Images and pipelines that the tests of this folder share.
#pragma once
#include "base/philox.h"
#include "config/document.h"
#include "config/reader.h"
#include "image/image.h"
#include "views/color_jitter.h"
#include "views/gaussian_blur.h"
#include "views/grayscale.h"
#include "views/horizontal_flip.h"
#include "views/normalize.h"
#include "views/random_resized_crop.h"
#include "views/view_group.h"
#include "views/view_op.h"
#include "views/view_ops.h"

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace sslrun::views {

/// A [height, width, 3] image of independent random bytes.
inline image::Image noise_image(std::int64_t height, std::int64_t width, std::uint32_t seed) {
  image::Image image;
  image.reshape(width, height, 3);
  Rng rng(seed, Purpose::kProbe, 0, 0, 0);
  for (std::uint8_t& byte : image.pixels) byte = static_cast<std::uint8_t>(rng.below(256));
  return image;
}

/// The SimCLR recipe's operations at this size.
inline ViewGroup simclr_group(std::int64_t size, std::int64_t views = 2) {
  auto crop = std::make_shared<RandomResizedCrop>();
  crop->size = size;
  return {views,
          {{"random_resized_crop", crop},
           {"horizontal_flip", std::make_shared<HorizontalFlip>()},
           {"color_jitter", std::make_shared<ColorJitter>()},
           {"grayscale", std::make_shared<Grayscale>()},
           {"gaussian_blur", std::make_shared<GaussianBlur>()},
           {"normalize", std::make_shared<Normalize>()}}};
}

/// An operation as a recipe has it: "name: {keys}".
inline std::shared_ptr<const ViewOp> read_op(const std::string& text) {
  std::vector<config::NamedComponent> ops;
  config::read(config::parse_document("test.yaml", "ops:\n  - " + text + "\n"),
               [&](config::Fields& f) { f.components("ops", ops, view_specs(), "operations"); });
  return std::dynamic_pointer_cast<const ViewOp>(ops.at(0).config);
}

/// Statistics under which normalize changes nothing.
inline ChannelStats no_stats() {
  return {{0, 0, 0}, {1, 1, 1}};
}

}  // namespace sslrun::views
