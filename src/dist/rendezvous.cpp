#include "dist/rendezvous.h"

#include "base/error.h"
#include "base/log.h"
#include "dist/process_group.h"
#include "launch/meeting.h"

#include <torch/csrc/distributed/c10d/PrefixStore.hpp>
#include <torch/csrc/distributed/c10d/TCPStore.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <exception>
#include <string>
#include <string_view>
#include <vector>

namespace sslrun::dist {
namespace {

using launch::Environment;
using std::chrono::milliseconds;
using Store = c10::intrusive_ptr<c10d::Store>;

c10::intrusive_ptr<c10d::TCPStore> open_store(const std::string& host,
                                              std::uint16_t port,
                                              bool serves,
                                              milliseconds timeout) {
  c10d::TCPStoreOptions options;
  options.port = port;
  options.isServer = serves;
  options.waitWorkers = false;
  options.timeout = timeout;
  try {
    return c10::make_intrusive<c10d::TCPStore>(host, options);
  } catch (const std::exception& e) {
    const std::string_view what = e.what();
    throw PeerError(fmt::format("the store of rank 0 at '{}', port {}, must answer: {}",
                                host,
                                port,
                                what.substr(0, what.find('\n'))));
  }
}

/// torchrun serves the store: each rank leaves its machine's name there and waits for the others'.
void wait_for_all(c10d::Store& store, const Environment& place, milliseconds timeout) {
  std::vector<std::string> keys;
  for (std::int64_t rank = 0; rank < place.size; ++rank)
    keys.push_back(fmt::format("came/{}", rank));
  try {
    store.set(keys[static_cast<std::size_t>(place.rank)], place.host);
    store.wait(keys, timeout);
  } catch (const std::exception&) {
    std::string missing;
    for (std::size_t rank = 0; rank < keys.size(); ++rank)
      if (!store.check({keys[rank]})) missing += fmt::format(" {}", rank);
    throw PeerError(
        fmt::format("all {} ranks must come within {} ms, and these did not:{}; see their output",
                    place.size,
                    timeout.count(),
                    missing));
  }
}

Heartbeat::Options signs_of(const Environment& place, at::Device device, milliseconds timeout) {
  Heartbeat::Options options{
      .host = place.host,
      .store_of_first = !place.store_served,
      .interval = std::clamp(timeout / 20, milliseconds(50), milliseconds(2000))};
  if (device.is_cpu()) return options;
  options.patience = timeout;
  options.stalled = [rank = place.rank, host = place.host](const std::string& words) {
    const PeerError e(fmt::format("rank {} on '{}' waits in vain: {}", rank, host, words));
    log::error("{}", e.what());
    std::_Exit(e.exit_code());  // the step cannot be ended: a collective of NCCL does not return
  };
  return options;
}

}  // namespace

std::shared_ptr<World> join(const Environment& place, at::Device device, milliseconds timeout) {
  if (place.size == 1) return single_world();
  Store store;
  std::string address;
  if (place.store_served) {
    const auto port = static_cast<std::uint16_t>(place.port);
    address = launch::address_towards(place, place.master, port, timeout);
    store = c10::make_intrusive<c10d::PrefixStore>(
        "sslrun/" + place.job, open_store(place.master, port, /*serves=*/false, timeout));
    wait_for_all(*store, place, timeout);
  } else {
    const launch::Meeting met = launch::meet(place, timeout, [&] {
      const auto served = open_store("127.0.0.1", 0, /*serves=*/true, timeout);
      store = served;
      return served->getPort();
    });
    address = met.address;
    if (!store) store = open_store(met.store_host, met.store_port, /*serves=*/false, timeout);
  }
  const Place at{place.rank, place.size};
  auto heartbeat = std::make_unique<Heartbeat>(*store, at, signs_of(place, device, timeout));
  if (device.is_cuda())  // its watchdog only where the heartbeat has found nobody
    return nccl_world(std::move(store), at, device, 2 * timeout, std::move(heartbeat));
  return gloo_world(std::move(store), at, address, timeout, std::move(heartbeat));
}

}  // namespace sslrun::dist
