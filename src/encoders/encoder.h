// An encoder turns images into features.  N images, C channels, H x W pixels, F features.
#pragma once
#include "nn/module.h"

#include <cstdint>
#include <memory>
#include <string_view>

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

  /// For learning rates that fall with depth: the layer, below num_layers(), of the encoder's
  /// parameter of that name. A vision transformer of B blocks has its tokens, positions and patch
  /// embedding in layer 0, block i in i + 1 and the rest in B + 1, so B + 2 layers; an encoder that
  /// draws no such line is one layer.
  /// source    Bao et al. 2022, arXiv:2106.08254; microsoft/unilm beit/optim_factory.py.
  virtual std::int64_t layer_of(std::string_view parameter) const {
    static_cast<void>(parameter);
    return 0;
  }

  virtual std::int64_t num_layers() const { return 1; }
};

/// The encoder that a recipe names, on the CPU in train mode, with the starting weights of
/// `seed`, for images of so many channels.
/// The names of its state are those of the public implementation (torchvision for ResNet).
std::unique_ptr<Encoder> make_encoder(const config::NamedComponent& component,
                                      std::uint32_t seed,
                                      std::int64_t channels = 3);

}  // namespace sslrun::encoders
