#include "launch/meeting.h"

#include "base/error.h"
#include "launch/socket.h"
#include "tests/launch/place.h"
#include "tests/support/catch.h"

#include <exception>
#include <future>
#include <optional>
#include <set>
#include <thread>

namespace {

using namespace sslrun;
using Catch::Matchers::Contains;
using launch::Environment;
using launch::Meeting;
using std::chrono::milliseconds;
using test::rank_of;

constexpr milliseconds kLong{20000}, kShort{400};

// No two cases, and no two processes of tests, share ports.
std::string fresh_job() {
  static int count = 0;
  launch::OpenDoor door = launch::open_door();
  const launch::Socket closed(door.fd);
  return "test-" + std::to_string(door.port) + "-" + std::to_string(++count);
}

std::future<Meeting> come(const Environment& place,
                          milliseconds timeout = kLong,
                          std::uint16_t store = 4711) {
  return std::async(std::launch::async,
                    [=] { return launch::meet(place, timeout, [store] { return store; }); });
}

std::string error_of(std::future<Meeting> meeting) {
  try {
    meeting.get();
  } catch (const PeerError& e) {
    return e.what();
  }
  return "";
}

std::uint16_t free_port() {
  const launch::OpenDoor door = launch::open_door();
  const launch::Socket closed(door.fd);
  return door.port;
}

}  // namespace

TEST_CASE("meeting: every rank learns rank 0's store, in whatever order they come", "[launch]") {
  const std::string job = fresh_job();
  const bool master_first = GENERATE(true, false);
  std::vector<std::future<Meeting>> ranks;
  for (std::int64_t i = 0; i < 5; ++i)
    ranks.push_back(come(rank_of(master_first ? i : 4 - i, 5, job)));
  for (auto& rank : ranks) {
    const Meeting m = rank.get();
    CHECK(m.store_port == 4711);
    CHECK(m.store_host == "127.0.0.1");
    CHECK(m.address == "127.0.0.1");
  }
}

TEST_CASE("meeting: jobs that derive the same ports never mix", "[launch]") {
  // Port 0 of job B is made the one that job A listens at.
  const std::string a = fresh_job();
  auto a0 = come(rank_of(0, 2, a), kLong, 1);
  Environment b1 = rank_of(1, 2, fresh_job());
  b1.port = launch::meeting_ports(rank_of(0, 2, a)).front();
  const std::string told = error_of(come(b1, kShort));
  CHECK_THAT(told, Contains("another program or job answers"));
  CHECK(come(rank_of(1, 2, a)).get().store_port == 1);
  a0.get();
  // Where the first port is taken rank 0 takes the next, and is found there.
  const std::string c = fresh_job();
  const launch::Socket taken =
      launch::listen_at(launch::meeting_ports(rank_of(0, 2, c)).front(), false);
  REQUIRE(taken);
  auto c0 = come(rank_of(0, 2, c), kLong, 3);
  CHECK(come(rank_of(1, 2, c)).get().store_port == 3);
  c0.get();
}

TEST_CASE("meeting: ports follow from the job alone, differ and lie below the system's",
          "[launch]") {
  Environment place = rank_of(0, 2, "slurm-1.0-0");
  const auto ports = launch::meeting_ports(place);
  CHECK(ports == launch::meeting_ports(rank_of(1, 2, "slurm-1.0-0")));
  CHECK(std::set<std::uint16_t>(ports.begin(), ports.end()).size() == 16);
  for (const std::uint16_t port : ports) CHECK((port >= 15000 && port < 32000));
  CHECK(ports != launch::meeting_ports(rank_of(0, 2, "slurm-2.0-0")));
  place.port = 77;
  CHECK(launch::meeting_ports(place) == std::vector<std::uint16_t>{77});
}

TEST_CASE("meeting: a rank that does not come is named on every rank", "[launch]") {
  const std::string job = fresh_job();
  auto r1 = come(rank_of(1, 5, job)), r3 = come(rank_of(3, 5, job));
  auto r0 = come(rank_of(0, 5, job), milliseconds(2000));
  const std::string want =
      "all 5 ranks must come within 2 s, and ranks 2, 4 did not (came: 0 on 'host0', 1 on "
      "'host1', 3 on 'host3'); "
      "see the output of those ranks and whether '127.0.0.1' is reached from there";
  CHECK(error_of(std::move(r0)) == want);
  CHECK(error_of(std::move(r1)) == want);
  CHECK(error_of(std::move(r3)) == want);
}

TEST_CASE("meeting: a rank that is not reached, or leaves, is an error that says so", "[launch]") {
  Environment lost = rank_of(1, 2, "nobody");
  lost.port = free_port();
  CHECK_THAT(
      error_of(come(lost, kShort)),
      Contains("rank 1 on 'host1' must reach rank 0 at '127.0.0.1', port " +
               std::to_string(lost.port) + ", and did not within 0.4 s: Connection refused"));
  lost.master = "no-such-host.invalid";
  CHECK_THAT(error_of(come(lost, kShort)),
             Contains("its name does not resolve") && Contains("set MASTER_ADDR"));
  // The fallback address stands in for a name that is not known.
  const std::string job = fresh_job();
  auto r0 = come(rank_of(0, 2, job));
  Environment r1 = rank_of(1, 2, job);
  r1.master = "no-such-host.invalid";
  r1.master_fallback = "127.0.0.1";
  CHECK(come(r1).get().store_host == "127.0.0.1");
  r0.get();

  Environment waiting = rank_of(0, 3, "leaves");
  waiting.port = free_port();
  auto door = come(waiting);
  std::optional<launch::Socket> guest;
  std::string why, heard;
  const launch::Deadline deadline = std::chrono::steady_clock::now() + kLong;
  while (!guest || !*guest)
    guest =
        launch::connect_to("127.0.0.1", static_cast<std::uint16_t>(waiting.port), deadline, why);
  CHECK(launch::receive_line(*guest, heard, deadline) == "sslrun leaves");
  launch::send_line(*guest, "2 3 host2");
  guest.reset();
  CHECK_THAT(error_of(std::move(door)), Contains("rank 2 on 'host2' came and left again"));
}

TEST_CASE("meeting: a taken port, a rank twice and another number of ranks are named", "[launch]") {
  launch::OpenDoor taken = launch::open_door();
  const launch::Socket holds(taken.fd);
  Environment r0 = rank_of(0, 2, "x");
  r0.port = taken.port;
  CHECK_THAT(error_of(come(r0)),
             Contains("rank 0 must have a free port on 'host0'") &&
                 Contains(std::to_string(taken.port) +
                          " is not (Address already in use); set MASTER_PORT to another one"));

  const std::string twice = fresh_job();
  auto door = come(rank_of(0, 3, twice));
  auto one = come(rank_of(1, 3, twice)), again = come(rank_of(1, 3, twice));
  CHECK(error_of(std::move(door)) ==
        "every rank must come once, and there are two of rank 1: on 'host1' and on 'host1'; start "
        "each process with "
        "its own rank");
  CHECK(error_of(std::move(one)) == error_of(std::move(again)));

  const std::string other = fresh_job();
  auto three = come(rank_of(0, 3, other));
  auto two = come(rank_of(1, 2, other));
  CHECK(error_of(std::move(two)) ==
        "all ranks must know the same number of ranks, and rank 1 on 'host1' says 2 where rank 0 "
        "on 'host0' says 3");
  CHECK(error_of(std::move(three)) != "");
}
