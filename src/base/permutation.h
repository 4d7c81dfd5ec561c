#pragma once
#include <cstdint>

namespace sslrun {

/// A keyed permutation of 0 .. n-1 in O(1) time and no memory: the order of an epoch.
/// Six Feistel rounds on the smallest even number of bits that holds n, walked until the value is
/// below n.
class Permutation {
 public:
  /// n in [1, 2^32].
  Permutation(std::uint32_t seed, std::uint32_t epoch, std::int64_t n);

  /// The index at position i, 0 <= i < n.
  std::int64_t operator()(std::int64_t i) const;

 private:
  std::uint32_t seed_, epoch_;
  std::uint64_t n_;
  std::uint32_t half_bits_ = 1;
};

}  // namespace sslrun
