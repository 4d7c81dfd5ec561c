// ResNet v1.5.
#pragma once
#include "encoders/encoder.h"

#include <cstdint>
#include <memory>

namespace sslrun::encoders {

struct ResNetShape {
  std::int64_t depth = 18;    // 18, 34, 50, 101 or 152
  bool cifar_stem = false;    // 3x3 stride 1 padding 1 without max pool, for images of 32 pixels
  std::int64_t width = 64;    // channels of the first stage
  std::int64_t widening = 1;  // of the 3x3 convolutions from depth 50 on; 2: wide_resnet50_2
  bool zero_init_residual = true;  // gamma of each block's last norm starts at 0
  std::int64_t channels = 3;       // of the images
};

/// A ResNet without its classifier: features are the mean over the last map, 8 * width of them (32
/// * width from depth 50 on). Names and shapes of the state are torchvision's, `fc` left out; outputs
/// equal torchvision's for equal weights.
/// errors    UsageError for another depth.
/// source    He et al. 2016, arXiv:1512.03385, with the stride in the 3x3 of a bottleneck (v1.5);
///           wide: Zagoruyko and Komodakis 2016, arXiv:1605.07146, as torchvision; stem for CIFAR as google-research/simclr tf2/resnet.py.
std::unique_ptr<Encoder> make_resnet(const ResNetShape& shape, std::uint32_t seed);

}  // namespace sslrun::encoders
