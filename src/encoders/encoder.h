// An encoder turns images into features.  N images, C channels, H x W pixels, F features.
#pragma once
#include "nn/module.h"

#include <cstdint>
#include <memory>

namespace sslrun::config {
struct NamedComponent;
}

namespace sslrun::encoders {

class Encoder : public nn::Module {
 public:
  /// x_NCHW float32 [N, C, H, W], normalised, any memory layout -> [N, F].
  virtual at::Tensor forward(const at::Tensor& x_NCHW) const = 0;
  /// F, the number of features of one image.
  virtual std::int64_t width() const = 0;
};

/// The encoder that a recipe names, on the CPU in train mode, with the starting weights of
/// `seed`, for images of so many channels.
/// The names of its state are those of the public implementation (torchvision for ResNet).
std::unique_ptr<Encoder> make_encoder(const config::NamedComponent& component,
                                      std::uint32_t seed,
                                      std::int64_t channels = 3);

}  // namespace sslrun::encoders
