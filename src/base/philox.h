#pragma once
#include <array>
#include <cmath>
#include <cstdint>

namespace sslrun {

/// Philox4x32-10, a counter-based generator: block(key, counter) is a pure function, so no state is
/// kept anywhere.
/// source    Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3", section 3.3; test
///           vectors of Random123.
struct Philox {
  using Key = std::array<std::uint32_t, 2>;
  using Block = std::array<std::uint32_t, 4>;

  static constexpr Block block(Key key, Block c) {
    for (int round = 0; round < 10; ++round) {
      const std::uint64_t a = std::uint64_t{0xD2511F53u} * c[0];
      const std::uint64_t b = std::uint64_t{0xCD9E8D57u} * c[2];
      c = {static_cast<std::uint32_t>(b >> 32) ^ c[1] ^ key[0],
           static_cast<std::uint32_t>(b),
           static_cast<std::uint32_t>(a >> 32) ^ c[3] ^ key[1],
           static_cast<std::uint32_t>(a)};
      key = {key[0] + 0x9E3779B9u, key[1] + 0xBB67AE85u};
    }
    return c;
  }
};

/// What random numbers are drawn for: one half of the key, so that two purposes never share a
/// stream.
enum class Purpose : std::uint32_t {
  kOrder = 1,
  kView,
  kInit,
  kReplacement,
  kDropout,
  kProbe,
  kSynthetic,
  kMask,
  kMethod
};

/// The stream of (seed, purpose, epoch, sample, view). Draw i depends on these and i alone.
class Rng {
 public:
  Rng(std::uint32_t seed,
      Purpose purpose,
      std::uint32_t epoch,
      std::uint32_t sample,
      std::uint32_t view)
      : key_{seed, static_cast<std::uint32_t>(purpose)}, counter_{epoch, sample, view, 0} {}

  std::uint32_t next() {
    if (used_ == 4) {
      words_ = Philox::block(key_, counter_);
      ++counter_[3];
      used_ = 0;
    }
    return words_[used_++];
  }

  /// In [0, 1), 24 random bits: exact in float32 too.
  double uniform() { return (next() >> 8) * 0x1p-24; }

  double uniform(double lo, double hi) { return lo + (hi - lo) * uniform(); }

  /// In [0, n), n in [1, 2^32]; bias below n / 2^64.
  std::int64_t below(std::int64_t n) {
    const std::uint64_t high = next(), low = next(), m = static_cast<std::uint64_t>(n);
    return static_cast<std::int64_t>((high * m + ((low * m) >> 32)) >>
                                     32);  // (64-bit word * n) / 2^64
  }

  /// Standard normal by Box and Muller's transform; two draws each.
  double normal() {
    const double u = 1.0 - uniform(), v = uniform();
    return std::sqrt(-2.0 * std::log(u)) * std::cos(6.283185307179586 * v);
  }

 private:
  Philox::Key key_;
  Philox::Block counter_;
  Philox::Block words_{};
  std::size_t used_ = 4;
};

}  // namespace sslrun
