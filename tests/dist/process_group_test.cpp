#include "base/error.h"
#include "ops/step.h"
#include "tests/dist/ranks.h"
#include "tests/support/torch_catch.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/full.h>

#include <mutex>

namespace {

using namespace sslrun;
using at::Tensor;

// Catch's checks are not for threads: ranks hand their answers out.
std::vector<Tensor> per_rank(std::int64_t size, const std::function<Tensor(dist::World&)>& body) {
  std::vector<Tensor> out(static_cast<std::size_t>(size));
  test::run_ranks(
      size, [&](dist::World& world) { out[static_cast<std::size_t>(world.rank())] = body(world); });
  return out;
}

Tensor leaf(const Tensor& value) {
  return value.detach().clone().requires_grad_(true);
}

}  // namespace

TEST_CASE("group world: rows of every rank in rank order, each with the sum of its gradients",
          "[dist]") {
  const std::int64_t size = GENERATE(1, 2, 3);
  const Tensor all = at::arange(size * 4, at::kDouble).view({size * 2, 2});
  const auto gathered = per_rank(size, [&](dist::World& world) {
    return world.all_gather(all.narrow(0, world.rank() * 2, 2));
  });
  for (const Tensor& g : gathered) CHECK(g.equal(all));
  // Rank r's loss is (r + 1) times the sum of squares: a row x has gradient 2 x (1 + 2 + ..).
  const auto gradients = per_rank(size, [&](dist::World& world) {
    const Tensor own = leaf(all.narrow(0, world.rank() * 2, 2));
    ops::backward(world.all_gather(own).square().sum() * static_cast<double>(world.rank() + 1), 1);
    return own.grad();
  });
  for (std::int64_t r = 0; r < size; ++r) {
    const double factor = static_cast<double>(size * (size + 1));  // 2 (1 + .. + size)
    CHECK(gradients[static_cast<std::size_t>(r)].equal(all.narrow(0, r * 2, 2) * factor));
  }
}

TEST_CASE("group world: sums are the same bits on every rank, and so is their gradient", "[dist]") {
  const std::int64_t size = GENERATE(1, 2, 3);
  const auto sums = per_rank(size, [&](dist::World& world) {
    return world.all_reduce_sum(at::full({1000}, 0.1 * static_cast<double>(world.rank() + 1)));
  });
  for (const Tensor& s : sums) {
    CHECK(s.equal(sums.front()));
    CHECK((s - 0.05 * static_cast<double>(size * (size + 1))).abs().max().item<double>() < 1e-7);
  }
  const auto gradients = per_rank(size, [&](dist::World& world) {
    const Tensor own = leaf(at::full({3}, 2.0, at::kDouble));
    ops::backward(world.all_reduce_sum(own).sum() * static_cast<double>(world.rank() + 1), 1);
    return own.grad();
  });
  for (const Tensor& g : gradients)
    CHECK(g.equal(at::full({3}, 0.5 * static_cast<double>(size * (size + 1)), at::kDouble)));
}

TEST_CASE("group world: a rank that stays away is an error that names who waited for what",
          "[dist]") {
  const auto wait_alone = [](dist::World& world) {
    if (world.rank() == 0) world.barrier();
  };
  CHECK_THROWS_WITH(
      test::run_ranks(2, wait_alone, std::chrono::milliseconds(300)),
      Catch::Matchers::Contains("all 2 ranks must take part in barrier, and rank 0 lost one"));
  CHECK_THROWS_AS(test::run_ranks(2, wait_alone, std::chrono::milliseconds(300)), PeerError);
}
