#include "dist/heartbeat.h"

#include "tests/support/torch_catch.h"

#include <torch/csrc/distributed/c10d/HashStore.hpp>
#include <torch/csrc/distributed/c10d/TCPStore.hpp>

#include <atomic>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace {

using namespace sslrun;
using Catch::Matchers::Contains;
using Catch::Matchers::StartsWith;
using dist::Heartbeat;

/// Ranks of one process, on machines named n0, n1, ...
struct Ranks {
  explicit Ranks(std::int64_t count) {
    for (std::int64_t rank = 0; rank < count; ++rank) add(rank, count, {});
  }

  Heartbeat& operator[](std::size_t rank) { return *beats.at(rank); }

  void add(std::int64_t rank, std::int64_t count, Heartbeat::Options options) {
    options.host = "n" + std::to_string(rank);
    options.interval = std::chrono::milliseconds(20);
    beats.push_back(std::make_unique<Heartbeat>(*store, dist::Place{rank, count}, options));
  }

  c10::intrusive_ptr<c10d::HashStore> store = c10::make_intrusive<c10d::HashStore>();
  std::vector<std::unique_ptr<Heartbeat>> beats;
};

}  // namespace

TEST_CASE("heartbeat: a rank that gives no sign of life is named with machine, step and phase",
          "[dist]") {
  Ranks ranks(3);
  ranks[2].report(7, "computing");
  ranks[1].missing();  // its sign of life holds what rank 2 says by now
  ranks.beats[2].reset();
  CHECK_THAT(ranks[0].missing(),
             StartsWith("no sign of life from rank 2 on 'n2' (step 7, computing for ") &&
                 !Contains("rank 1"));
}

TEST_CASE("heartbeat: of ranks that live, the one behind in collectives is named", "[dist]") {
  Ranks ranks(4);
  for (const std::size_t rank : {0u, 1u, 2u, 3u}) {
    ranks[rank].report(rank == 2 ? 11 : 12, rank == 2 ? "waiting for images" : "computing");
    for (int i = 0; i < (rank == 2 ? 3 : 5); ++i) ranks[rank].enter();
  }
  ranks[3].enter();
  const std::string words = ranks[0].missing();
  CHECK_THAT(words, StartsWith("all wait for rank 2 on 'n2' (step 11, waiting for images for "));
  CHECK_THAT(words, !Contains("rank 1") && !Contains("rank 3"));
}

TEST_CASE("heartbeat: the rank furthest behind is named alone", "[dist]") {
  Ranks ranks(3);
  for (int i = 0; i < 5; ++i) ranks[0].enter();
  for (int i = 0; i < 3; ++i) ranks[1].enter();
  CHECK_THAT(ranks[0].missing(), StartsWith("all wait for rank 2 on 'n2'") && !Contains("rank 1"));
}

TEST_CASE("heartbeat: ranks that lost one themselves are not named", "[dist]") {
  Ranks ranks(4);
  ranks.beats[3].reset();
  auto other = std::async(std::launch::async, [&] { return ranks[1].missing(); });
  const std::string words = ranks[0].missing();
  CHECK_THAT(other.get(), Contains("rank 3 on 'n3'") && !Contains("rank 2"));
  CHECK_THAT(words, Contains("rank 3 on 'n3'") && !Contains("rank 1") && !Contains("rank 2"));
  ranks.beats[1].reset();  // it has left with its words
  CHECK_THAT(ranks[2].missing(), Contains("rank 3 on 'n3'") && !Contains("rank 1"));
}

TEST_CASE("heartbeat: where all live and none is behind the network is in question", "[dist]") {
  Ranks ranks(2);
  CHECK_THAT(ranks[1].missing(), Contains("none is behind: look at the network"));
}

TEST_CASE("heartbeat: without its store rank 0 is the one that is missing, or the agent's store",
          "[dist]") {
  const bool of_first = GENERATE(true, false);
  c10d::TCPStoreOptions options;
  options.port = 0;
  options.isServer = true;
  options.waitWorkers = false;
  auto server = c10::make_intrusive<c10d::TCPStore>("127.0.0.1", options);
  const auto beat = [&](std::int64_t rank) {
    return std::make_unique<Heartbeat>(
        *server,
        dist::Place{rank, 2},
        Heartbeat::Options{.host = "n" + std::to_string(rank),
                           .store_of_first = of_first,
                           .interval = std::chrono::milliseconds(20)});
  };
  auto first = beat(0), second = beat(1);
  first->report(3, "saving");
  CHECK_THAT(first->missing(), Contains("none is behind"));
  CHECK_THAT(second->missing(), Contains("none is behind"));
  first.reset();
  second = beat(1);
  while (std::stoi(server->get_to_str("beat/1")) < 3) std::this_thread::yield();
  server.reset();  // after two whole looks at rank 0's last sign
  const std::string words = second->missing();
  CHECK_THAT(words,
             of_first ? Contains("no sign of life from rank 0 on 'n0' (step 3, saving for ")
                      : Contains("the store through which they met does not answer"));
}

TEST_CASE("heartbeat: a rank that stands still because of another says so by itself, once",
          "[dist]") {
  Ranks ranks(0);
  std::promise<std::string> told;
  std::atomic<int> calls_of_late{0};
  ranks.add(0,
            2,
            {.stalled = [&](const std::string& words) { told.set_value(words); },
             .patience = std::chrono::milliseconds(50)});
  ranks.add(1,
            2,
            {.stalled = [&](const std::string&) { ++calls_of_late; },
             .patience = std::chrono::milliseconds(50)});
  ranks[1].report(4, "waiting for images");
  ranks[0].enter();
  CHECK_THAT(told.get_future().get(),
             StartsWith("all wait for rank 1 on 'n1' (step 4, waiting for images"));
  CHECK_THAT(ranks[1].missing(), Contains("none is behind"));  // a whole look of the late one
  CHECK(calls_of_late == 0);
}
