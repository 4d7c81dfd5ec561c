// ConvNeXt.
#pragma once
#include "encoders/encoder.h"

#include <array>
#include <cstdint>
#include <memory>

namespace sslrun::encoders {

struct ConvNeXtShape {
  std::array<std::int64_t, 4> depths = {3, 3, 9, 3};  // blocks in each stage
  std::int64_t width = 96;                            // channels of the first stage
  double layer_scale = 1e-6;
  double drop_path = 0;       // of the last block, rising from 0 at the first
  std::int64_t channels = 3;  // of the images
};

/// A ConvNeXt without its classifier: features are the mean over the last map, 8 * width of them, and
/// their layer norm. Names and shapes of the state are timm's, and outputs equal timm's for equal
/// weights. Images have 32 pixels a side or more.
/// source    Liu et al. 2022, arXiv:2201.03545; facebookresearch/ConvNeXt models/convnext.py.
std::unique_ptr<Encoder> make_convnext(const ConvNeXtShape& shape, std::uint32_t seed);

}  // namespace sslrun::encoders
