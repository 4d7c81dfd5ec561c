// Starting values of parameters: a pure function of the seed, the parameter's place in the network
// and the element's place.
#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>

namespace sslrun::nn {

/// While one lives, Init makes tensors of this thread without memory (device "meta"): a network of
/// any size can then be built for its names and shapes.
class ShapesOnly {
 public:
  ShapesOnly();
  ~ShapesOnly();
  ShapesOnly(const ShapesOnly&) = delete;
  ShapesOnly& operator=(const ShapesOnly&) = delete;
};

/// Hands out the starting values of one network. Every call takes the next ordinal, so the values
/// depend on the seed and on the order in which the parts are built, never on threads, device or
/// LibTorch. All tensors are float32 on the CPU.
class Init {
 public:
  /// first_ordinal: where this part of the network starts counting, so that another part's size
  /// does not move its values.
  explicit Init(std::uint32_t seed, std::uint32_t first_ordinal = 0)
      : seed_(seed), ordinal_(first_ordinal) {}

  /// Independent N(0, std^2).
  at::Tensor normal(at::IntArrayRef shape, double std);
  /// Independent and uniform in [-bound, bound).
  at::Tensor uniform(at::IntArrayRef shape, double bound);
  /// Uniform in +-sqrt(6 / (inputs + outputs)), shape [outputs, inputs, ..]: dimensions after the
  /// first count as inputs.
  /// source    Glorot and Bengio 2010; nn.init.xavier_uniform_ of the weight as a matrix.
  at::Tensor xavier(at::IntArrayRef shape);
  /// The same value everywhere; takes no ordinal.
  static at::Tensor constant(at::IntArrayRef shape, double value);

 private:
  std::uint32_t seed_;
  std::uint32_t ordinal_;
};

}  // namespace sslrun::nn
