#include "dist/exchange.h"

#include "tests/dist/ranks.h"
#include "tests/support/torch_catch.h"

#include <ATen/ops/arange.h>

#include <string>

namespace {

using namespace sslrun;

}  // namespace

TEST_CASE("exchange: every rank hears what each says, in rank order", "[dist]") {
  const std::int64_t size = GENERATE(1, 2, 3);
  const auto said = [](std::int64_t rank) {
    return std::string(std::size_t(rank * 3), 'a') + "\xff";
  };
  std::vector<std::vector<std::vector<double>>> numbers(static_cast<std::size_t>(size));
  std::vector<std::vector<std::string>> words(numbers.size());
  test::run_ranks(size, [&](dist::World& world) {
    const auto me = static_cast<std::size_t>(world.rank());
    const double own[] = {0.1 * static_cast<double>(me), 1e300};
    numbers[me] = dist::exchange(own, world, at::kCPU);
    words[me] = dist::exchange(me == 1 ? std::string() : said(world.rank()), world, at::kCPU);
  });
  for (std::size_t me = 0; me < numbers.size(); ++me) {
    REQUIRE(numbers[me].size() == numbers.size());
    REQUIRE(words[me].size() == numbers.size());
    for (std::size_t r = 0; r < numbers.size(); ++r) {
      CHECK(numbers[me][r] == std::vector<double>{0.1 * static_cast<double>(r), 1e300});
      CHECK(words[me][r] == (r == 1 ? "" : said(std::int64_t(r))));
    }
  }
}

TEST_CASE("gather rows: ranks with different numbers of rows, none and many blocks among them",
          "[dist]") {
  const std::vector<std::int64_t> counts = {0, 5000, 3};
  const at::Tensor all = at::arange(5003 * 2, at::kLong).view({5003, 2});
  std::vector<at::Tensor> got(3);
  test::run_ranks(3, [&](dist::World& world) {
    const auto me = static_cast<std::size_t>(world.rank());
    const std::int64_t first = me == 2 ? 5000 : 0;
    got[me] = dist::gather_rows(all.narrow(0, first, counts[me]), world, at::kCPU);
  });
  for (const at::Tensor& g : got) CHECK(g.equal(all));
}
