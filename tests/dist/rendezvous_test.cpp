#include "dist/rendezvous.h"

#include "base/error.h"
#include "launch/meeting.h"
#include "launch/socket.h"
#include "tests/launch/place.h"
#include "tests/support/torch_catch.h"

#include <ATen/core/Tensor.h>
#include <ATen/ops/full.h>
#include <torch/csrc/distributed/c10d/TCPStore.hpp>

#include <cstdlib>
#include <functional>
#include <future>
#include <vector>

namespace {

using namespace sslrun;
using launch::Environment;
using std::chrono::milliseconds;

constexpr milliseconds kLong{30000};

std::uint16_t free_port() {
  const launch::OpenDoor door = launch::open_door();
  const launch::Socket closed(door.fd);
  return door.port;
}

Environment rank_of(std::int64_t rank, std::int64_t size, std::uint16_t port) {
  Environment place = test::rank_of(rank, size, "test-" + std::to_string(port));
  place.port = port;
  return place;
}

std::future<double> sum_of_ranks(const Environment& place, milliseconds timeout = kLong) {
  return std::async(std::launch::async, [=] {
    const auto world = dist::join(place, at::kCPU, timeout);
    const double rank = static_cast<double>(world->rank() + 1);
    return world->all_reduce_sum(at::full({3}, rank)).sum().item<double>() / 3;
  });
}

double sum_of(std::int64_t size,
              const std::function<void(Environment&)>& change,
              std::uint16_t port) {
  // LibTorch's record of past collectives is one per process and not for several groups at once.
  ::setenv("TORCH_FR_BUFFER_SIZE", "0", /*overwrite=*/1);
  std::vector<std::future<double>> ranks;
  for (std::int64_t rank = 0; rank < size; ++rank) {
    Environment place = rank_of(rank, size, port);
    change(place);
    ranks.push_back(sum_of_ranks(place));
  }
  double sum = 0;
  for (auto& rank : ranks) {
    sum = rank.get();
    CHECK(sum == static_cast<double>(size * (size + 1) / 2));
  }
  return sum;
}

}  // namespace

TEST_CASE("join: ranks that meet at a port, or at one that follows from the job, add up",
          "[dist]") {
  CHECK(dist::join(Environment{}, at::kCPU, kLong) == dist::single_world());
  sum_of(
      3, [](Environment&) {}, free_port());
  sum_of(
      2, [](Environment& place) { place.port = 0; }, free_port());
  // On several machines the address is one that others can reach.
  sum_of(
      2, [](Environment& place) { place.num_nodes = 2; }, free_port());
}

TEST_CASE("join: the ranks of torchrun meet in the store that it serves", "[dist]") {
  c10d::TCPStoreOptions options;
  options.port = 0;
  options.isServer = true;
  options.waitWorkers = false;
  const auto agent = c10::make_intrusive<c10d::TCPStore>("127.0.0.1", options);
  sum_of(
      3, [](Environment& place) { place.store_served = true; }, agent->getPort());
  Environment alone = rank_of(1, 3, agent->getPort());
  alone.store_served = true;
  alone.job = "other";
  CHECK_THROWS_WITH(
      sum_of_ranks(alone, milliseconds(300)).get(),
      "all 3 ranks must come within 300 ms, and these did not: 0 2; see their output");
}

TEST_CASE("join: a rank that does not come is a PeerError on those that did", "[dist]") {
  auto one = sum_of_ranks(rank_of(0, 2, free_port()), milliseconds(300));
  CHECK_THROWS_AS(one.get(), PeerError);
}
