#include "base/philox.h"

#include "base/permutation.h"
#include "tests/support/catch.h"

#include <algorithm>
#include <vector>

namespace sslrun {
namespace {

// Known answers published with Random123 (kat_vectors, philox4x32 10).
TEST_CASE("philox: blocks equal the published known answers", "[base][rng]") {
  CHECK(Philox::block({0, 0}, {0, 0, 0, 0}) ==
        Philox::Block{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8});
  const std::uint32_t ones = 0xffffffff;
  CHECK(Philox::block({ones, ones}, {ones, ones, ones, ones}) ==
        Philox::Block{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd});
  CHECK(Philox::block({0xa4093822, 0x299f31d0}, {0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}) ==
        Philox::Block{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1});
}

TEST_CASE("rng: draws are the words of consecutive blocks of its own counter", "[base][rng]") {
  Rng rng(7, Purpose::kView, 3, 5, 1);
  for (std::uint32_t block = 0; block < 3; ++block) {
    for (const std::uint32_t word :
         Philox::block({7, static_cast<std::uint32_t>(Purpose::kView)}, {3, 5, 1, block}))
      CHECK(rng.next() == word);
  }
}

TEST_CASE("rng: uniform, below and normal have their moments", "[base][rng]") {
  Rng rng(1, Purpose::kInit, 0, 0, 0);
  constexpr int kDraws = 200000;
  double sum = 0, squares = 0, mean = 0;
  std::vector<int> count(7);
  for (int i = 0; i < kDraws; ++i) {
    const double u = rng.uniform(), z = rng.normal();
    REQUIRE((u >= 0 && u < 1));
    mean += u / kDraws;
    sum += z / kDraws;
    squares += z * z / kDraws;
    ++count[static_cast<std::size_t>(rng.below(7))];
  }
  // Five standard errors: 5 / sqrt(12 * 2e5), 5 / sqrt(2e5), 5 * sqrt(2 / 2e5), 5 * sqrt(2e5 * 6 /
  // 49).
  CHECK(mean == Approx(0.5).margin(0.0033));
  CHECK(sum == Approx(0).margin(0.0112));
  CHECK(squares == Approx(1).margin(0.0159));
  for (const int c : count) CHECK(std::abs(c - kDraws / 7) < 783);
}

TEST_CASE("permutation: every index once, another order in another epoch or for another seed",
          "[base][rng]") {
  const std::int64_t n = GENERATE(1, 2, 3, 4, 5, 7, 64, 65, 1000, 60000);
  const auto order = [n](std::uint32_t seed, std::uint32_t epoch) {
    const Permutation p(seed, epoch, n);
    std::vector<std::int64_t> v;
    for (std::int64_t i = 0; i < n; ++i) v.push_back(p(i));
    return v;
  };
  const auto first = order(0, 0);
  auto sorted = first;
  std::sort(sorted.begin(), sorted.end());
  for (std::int64_t i = 0; i < n; ++i) REQUIRE(sorted[static_cast<std::size_t>(i)] == i);
  if (n < 64) return;  // two orders of few items may agree by chance
  CHECK(first != order(0, 1));
  CHECK(first != order(1, 0));
  CHECK(first == order(0, 0));
}

}  // namespace
}  // namespace sslrun
