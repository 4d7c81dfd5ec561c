// How the ranks of a job find each other, before there is anything to talk through.
#pragma once
#include "launch/environment.h"

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace sslrun::launch {

/// What a rank knows when all have come.
struct Meeting {
  std::string address;     // of this machine, by which the others reach it
  std::string store_host;  // rank 0's machine
  std::uint16_t store_port = 0;
};

/// The ports at which rank 0 may be met, in the order in which it takes the first free one:
/// Environment::port, or 16 that follow from its job, below those that the system hands out.
std::vector<std::uint16_t> meeting_ports(const Environment& environment);

/// Waits until all ranks have come to rank 0. It listens at one of meeting_ports(); the others try
/// them and are told which job answers, so jobs that share a machine never mix. When all are there
/// rank 0 calls open_store, and the others learn the port that it returns.
/// errors    PeerError: no port is free; rank 0 cannot be reached; a rank did not come within the
///           time-out, left again, or says another number of ranks or a rank that is taken. Every rank
///           that came hears the reason, which names ranks and machines.
Meeting meet(const Environment& environment,
             std::chrono::milliseconds timeout,
             const std::function<std::uint16_t()>& open_store);

/// This machine's address on the way to host:port, or one of another interface where that is the
/// machine itself and the job has several (GLOO_SOCKET_IFNAME chooses it).
/// errors    PeerError where it cannot be reached within the time-out.
std::string address_towards(const Environment& environment,
                            const std::string& host,
                            std::uint16_t port,
                            std::chrono::milliseconds timeout);

/// A socket of this machine that listens at a port that the system chose, for Environment::door.
struct OpenDoor {
  int fd = -1;
  std::uint16_t port = 0;
};

/// errors    PeerError where the system gives none.
OpenDoor open_door();

}  // namespace sslrun::launch
