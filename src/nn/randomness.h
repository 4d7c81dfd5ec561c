// What a network in training draws for each image. N rows, of which S are different images.
#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <span>

namespace sslrun::nn {

/// While it lives, the parts of networks that draw random numbers (DropPath) draw them, on this
/// thread, for these images. Row r of what they see belongs to image r % S: several views lie one
/// after another. Each draw takes the scope's next ordinal, so what an image gets depends on the
/// seed, the epoch, its number and the order of the network's parts alone.
class Randomness {
 public:
  /// samples: the S numbers of the images; they outlive the scope.
  Randomness(std::uint32_t seed, std::int64_t epoch, std::span<const std::int64_t> samples);
  ~Randomness();
  Randomness(const Randomness&) = delete;
  Randomness& operator=(const Randomness&) = delete;

  /// The innermost scope of this thread; there must be one.
  static Randomness& current();

  /// float32 [rows] on the CPU: 1 / (1 - p) for a row that is kept, 0 for one that is dropped, which
  /// happens with probability p < 1.
  at::Tensor keep_scale(std::int64_t rows, double p);

 private:
  std::uint32_t seed_, epoch_;
  std::span<const std::int64_t> samples_;
  std::uint32_t ordinal_ = 0;
  Randomness* outer_;
};

}  // namespace sslrun::nn
