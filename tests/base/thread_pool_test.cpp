#include "base/thread_pool.h"

#include "tests/support/catch.h"

#include <atomic>
#include <numeric>
#include <stdexcept>
#include <vector>

namespace sslrun {
namespace {

TEST_CASE("parallel_for: every item once, for any number of threads and items", "[base][threads]") {
  const int threads = GENERATE(1, 2, 3, 8);
  set_compute_threads(threads);
  for (const std::int64_t n : {0, 1, 2, 7, 1000}) {
    std::vector<std::atomic<int>> seen(static_cast<std::size_t>(n));
    parallel_for(n, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; ++i) ++seen[static_cast<std::size_t>(i)];
    });
    for (const auto& s : seen) CHECK(s == 1);
  }
}

TEST_CASE(
    "parallel_for: a nested call runs inline, an exception reaches the caller, the pool lives on",
    "[base][threads]") {
  set_compute_threads(4);
  std::atomic<int> total{0};
  parallel_for(8, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i)
      parallel_for(10, [&](std::int64_t b, std::int64_t e) { total += static_cast<int>(e - b); });
  });
  CHECK(total == 80);
  CHECK_THROWS_AS(
      parallel_for(8, [](std::int64_t, std::int64_t) { throw std::runtime_error("x"); }),
      std::runtime_error);
  total = 0;
  parallel_for(8, [&](std::int64_t b, std::int64_t e) { total += static_cast<int>(e - b); });
  CHECK(total == 8);
}

}  // namespace
}  // namespace sslrun
