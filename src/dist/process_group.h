// A world of several processes, or threads, that talk through one of LibTorch's process groups.
#pragma once
#include "dist/heartbeat.h"
#include "dist/place.h"
#include "dist/world.h"

#include <c10/core/Device.h>
#include <c10/util/intrusive_ptr.h>

#include <chrono>
#include <memory>
#include <string>

namespace c10d {
class Store;
}

namespace sslrun::dist {

/// The world of `place.size` ranks that meet in one store, over Gloo: tensors on the CPU. Returns
/// when all of them are there. address: this machine's, by which the others reach it. heartbeat: names
/// the ranks that are missing, or null.
/// numerics  sums are taken in an order that depends on the number of ranks and the size of the
///           tensor alone: equal bit for bit on every rank and in every run.
/// errors    PeerError where a rank does not come or answer within the time-out, here and in every
///           collective, the backward pass included.
std::shared_ptr<World> gloo_world(c10::intrusive_ptr<c10d::Store> store,
                                  Place place,
                                  const std::string& address,
                                  std::chrono::milliseconds timeout,
                                  std::unique_ptr<Heartbeat> heartbeat = nullptr);

/// The same over NCCL: tensors on GPU `device`, one per rank. A collective is in order with the
/// current stream's work; no call waits for the GPU.
/// errors    DeviceError in a build without NCCL; PeerError as above, but a rank that is lost later
///           ends this process: LibTorch's watchdog aborts it after the time-out, unless heartbeat's
///           Options::stalled does so before.
std::shared_ptr<World> nccl_world(c10::intrusive_ptr<c10d::Store> store,
                                  Place place,
                                  at::Device device,
                                  std::chrono::milliseconds timeout,
                                  std::unique_ptr<Heartbeat> heartbeat = nullptr);

}  // namespace sslrun::dist
