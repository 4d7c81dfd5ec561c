#include "base/permutation.h"

#include "base/error.h"
#include "base/philox.h"

namespace sslrun {

Permutation::Permutation(std::uint32_t seed, std::uint32_t epoch, std::int64_t n)
    : seed_(seed), epoch_(epoch), n_(static_cast<std::uint64_t>(n)) {
  check_invariant(n >= 1 && n <= (std::int64_t{1} << 32), "a permutation holds 1 to 2^32 items");
  while ((std::uint64_t{1} << (2 * half_bits_)) < n_) ++half_bits_;
}

std::int64_t Permutation::operator()(std::int64_t i) const {
  check_invariant(i >= 0 && static_cast<std::uint64_t>(i) < n_,
                  "the position must be below the permutation's size");
  const std::uint64_t mask = (std::uint64_t{1} << half_bits_) - 1;
  auto x = static_cast<std::uint64_t>(i);
  do {
    std::uint64_t left = x >> half_bits_, right = x & mask;
    for (std::uint32_t round = 0; round < 6; ++round) {
      const auto word =
          Philox::block({seed_, static_cast<std::uint32_t>(Purpose::kOrder)},
                        {epoch_, static_cast<std::uint32_t>(right), round, half_bits_});
      const std::uint64_t mixed = left ^ (word[0] & mask);
      left = right;
      right = mixed;
    }
    x = (left << half_bits_) | right;
  } while (x >= n_);
  return static_cast<std::int64_t>(x);
}

}  // namespace sslrun
