#include "launch/meeting.h"

#include "base/env.h"
#include "base/error.h"
#include "launch/socket.h"

#include <fmt/format.h>
#include <poll.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <optional>
#include <sstream>
#include <vector>

namespace sslrun::launch {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr int kPorts = 16;
constexpr std::uint32_t kFirstPort = 15000, kPortRange = 17000;  // Linux hands out 32768 and above
constexpr std::size_t kRanksTold = 16;
constexpr milliseconds kConnectTime{5000}, kGreetingTime{2000}, kRetryPause{100},
    kAnswerSlack{10000};

std::uint64_t fnv1a(const std::string& text) {
  std::uint64_t hash = 0xcbf29ce484222325;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  return hash;
}

std::string greeting_of(const Environment& place) {
  return "sslrun " + place.job;
}

std::string words(const std::vector<std::string>& some) {
  const auto told = std::min(some.size(), kRanksTold);
  std::string out = fmt::format(
      "{}", fmt::join(some.begin(), some.begin() + static_cast<std::ptrdiff_t>(told), ", "));
  if (told < some.size()) out += fmt::format(" and {} more", some.size() - told);
  return out;
}

double seconds(milliseconds time) {
  return static_cast<double>(time.count()) / 1000;
}

std::string outward(const Environment& place, const std::string& address) {
  if (place.num_nodes == 1 || !is_loopback(address)) return address;
  return interface_address(env("GLOO_SOCKET_IFNAME").value_or("")).value_or(address);
}

/// Rank 0's side.
class Door {
 public:
  Door(const Environment& place, milliseconds timeout)
      : place_(place),
        timeout_(timeout),
        listener_(place.door >= 0 ? Socket(place.door) : take_port()) {
    came_.resize(static_cast<std::size_t>(place.size));
    came_.front() = place.host;
  }

  /// Returns when every rank stands in the door.
  void wait_for_all() {
    const Deadline deadline = steady_clock::now() + timeout_;
    while (std::any_of(came_.begin(), came_.end(), [](const auto& c) { return !c; })) {
      std::vector<pollfd> wait{{listener_.fd(), POLLIN, 0}};
      for (const Guest& guest : guests_) wait.push_back({guest.socket.fd(), POLLIN, 0});
      const int ready = poll(wait.data(), wait.size(), left_ms(deadline));
      if (ready == 0) refuse(who_is_missing());
      if (ready < 0) continue;
      for (std::size_t i = guests_.size(); i-- > 0;)
        if (wait[i + 1].revents != 0) hear(i);
      if (wait[0].revents != 0) welcome();
    }
  }

  void tell_all(const std::string& line) const {
    for (const Guest& guest : guests_) send_line(guest.socket, line);
  }

  /// This machine's, as the first of the others that is not on it sees it.
  std::string address() const {
    for (const Guest& guest : guests_) {
      if (const std::string a = local_address(guest.socket); !is_loopback(a)) return a;
    }
    return outward(place_, "127.0.0.1");
  }

 private:
  struct Guest {
    Socket socket;
    std::string heard;
    std::optional<std::int64_t> rank;
  };

  Socket take_port() const {
    const auto ports = meeting_ports(place_);
    for (const std::uint16_t port : ports) {
      if (Socket listener = listen_at(port, /*local=*/false)) return listener;
    }
    const std::string why = std::strerror(errno);
    throw PeerError(fmt::format(
        "rank 0 must have a free port on '{}' where the others meet it, and {} {} ({}); {}",
        place_.host,
        fmt::join(ports, ", "),
        ports.size() == 1 ? "is not" : "are not",
        why,
        place_.port == 0 ? "set MASTER_PORT to a free one for all ranks"
                         : "set MASTER_PORT to another one for all ranks"));
  }

  void welcome() {
    Socket socket = accept_from(listener_);
    if (!socket) return;
    send_line(socket, greeting_of(place_));
    guests_.push_back({std::move(socket), {}, {}});
  }

  void hear(std::size_t i) {
    Guest& guest = guests_[i];
    if (!receive(guest.socket, guest.heard)) {
      if (guest.rank) {
        refuse(
            fmt::format("rank {} on '{}' came and left again while the others were awaited; its "
                        "own output says why",
                        *guest.rank,
                        *came_[static_cast<std::size_t>(*guest.rank)]));
      }
      guests_.erase(guests_.begin() + static_cast<std::ptrdiff_t>(i));
      return;
    }
    if (guest.rank || guest.heard.find('\n') == std::string::npos) return;
    std::istringstream line(guest.heard);
    std::int64_t rank = -1, size = 0;
    std::string host;
    if (!(line >> rank >> size >> host)) return;
    if (size != place_.size || rank < 0 || rank >= size) {
      refuse(fmt::format(
          "all ranks must know the same number of ranks, and rank {} on '{}' says {} where "
          "rank 0 on '{}' says {}",
          rank,
          host,
          size,
          place_.host,
          place_.size));
    }
    auto& came = came_[static_cast<std::size_t>(rank)];
    if (came) {
      refuse(fmt::format(
          "every rank must come once, and there are two of rank {}: on '{}' and on '{}'; start "
          "each process with its own rank",
          rank,
          *came,
          host));
    }
    came = host;
    guest.rank = rank;
  }

  std::string who_is_missing() const {
    std::vector<std::string> here, missing;
    for (std::size_t rank = 0; rank < came_.size(); ++rank) {
      if (came_[rank]) {
        here.push_back(fmt::format("{} on '{}'", rank, *came_[rank]));
      } else {
        missing.push_back(std::to_string(rank));
      }
    }
    return fmt::format(
        "all {} ranks must come within {} s, and rank{} {} did not (came: {}); see the output "
        "of {} and whether '{}' is reached from there",
        place_.size,
        seconds(timeout_),
        missing.size() == 1 ? "" : "s",
        words(missing),
        words(here),
        missing.size() == 1 ? "that rank" : "those ranks",
        place_.master);
  }

  [[noreturn]] void refuse(const std::string& reason) const {
    tell_all("no " + reason);
    throw PeerError(reason);
  }

  const Environment& place_;
  milliseconds timeout_;
  Socket listener_;
  std::vector<Guest> guests_;
  std::vector<std::optional<std::string>> came_;  // each rank's machine
};

/// The other ranks' side: finds the door of its own job.
class Visitor {
 public:
  Visitor(const Environment& place, milliseconds timeout)
      : place_(place), timeout_(timeout), deadline_(steady_clock::now() + timeout) {}

  Meeting meet() {
    const Socket door = find();
    send_line(door, fmt::format("{} {} {}", place_.rank, place_.size, place_.host));
    const auto answer = receive_line(door, heard_, deadline_ + kAnswerSlack);
    if (!answer) {
      throw PeerError(fmt::format(
          "rank 0 at '{}' left before rank {} on '{}' and it could talk; its own output "
          "says why",
          place_.master,
          place_.rank,
          place_.host));
    }
    if (answer->starts_with("no ")) throw PeerError(answer->substr(3));
    check_invariant(answer->starts_with("go "), "the door answers go or no");
    return {outward(place_, local_address(door)),
            peer_address(door),
            static_cast<std::uint16_t>(std::stoi(answer->substr(3)))};
  }

  /// A connection to any of `ports` of rank 0's machine that passes `check`.
  template <class Check>
  Socket connect(const std::vector<std::uint16_t>& ports, Check&& check) {
    do {
      for (const std::uint16_t port : ports) {
        const Deadline patience = std::min(deadline_, steady_clock::now() + kConnectTime);
        Socket socket = connect_to(place_.master, port, patience, why_);
        if (!socket && !place_.master_fallback.empty())
          socket = connect_to(place_.master_fallback, port, patience, why_);
        if (socket && check(socket)) return socket;
      }
      poll(nullptr,
           0,
           static_cast<int>(std::min<std::int64_t>(left_ms(deadline_), kRetryPause.count())));
    } while (left_ms(deadline_) > 0);
    throw PeerError(
        fmt::format("rank {} on '{}' must reach rank 0 at '{}', port {}, and did not within {} s: "
                    "{}; see whether rank 0 "
                    "runs there, and set MASTER_ADDR to an address of its machine where the name "
                    "is not known here",
                    place_.rank,
                    place_.host,
                    place_.master,
                    fmt::join(ports, ", "),
                    seconds(timeout_),
                    why_));
  }

 private:
  Socket find() {
    const auto ports = meeting_ports(place_);
    return connect(ports, [&](const Socket& socket) {
      // At a port that nobody else can have the greeting comes when rank 0 has started.
      const Deadline patience =
          ports.size() == 1 ? deadline_ : std::min(deadline_, steady_clock::now() + kGreetingTime);
      heard_.clear();
      const auto greeting = receive_line(socket, heard_, patience);
      if (greeting == greeting_of(place_)) return true;
      why_ = greeting ? "another program or job answers"
                      : "what listens there closed, or said nothing";
      return false;
    });
  }

  const Environment& place_;
  milliseconds timeout_;
  Deadline deadline_;
  std::string heard_, why_;
};

}  // namespace

std::vector<std::uint16_t> meeting_ports(const Environment& place) {
  if (place.port != 0) return {static_cast<std::uint16_t>(place.port)};
  std::vector<std::uint16_t> ports;
  for (int i = 0; i < kPorts; ++i) {
    const std::uint64_t hash = fnv1a(fmt::format("{}#{}", place.job, i));
    ports.push_back(static_cast<std::uint16_t>(kFirstPort + hash % kPortRange));
  }
  return ports;
}

Meeting meet(const Environment& place,
             milliseconds timeout,
             const std::function<std::uint16_t()>& open_store) {
  if (place.rank != 0) return Visitor(place, timeout).meet();
  Door door(place, timeout);
  door.wait_for_all();
  const Meeting meeting{door.address(), "127.0.0.1", open_store()};
  door.tell_all(fmt::format("go {}", meeting.store_port));
  return meeting;
}

std::string address_towards(const Environment& place,
                            const std::string& host,
                            std::uint16_t port,
                            milliseconds timeout) {
  Environment towards = place;
  towards.master = host;
  const Socket socket =
      Visitor(towards, timeout).connect({port}, [](const Socket&) { return true; });
  return outward(place, local_address(socket));
}

OpenDoor open_door() {
  Socket door = listen_at(0, /*local=*/true);
  if (!door)
    throw PeerError(
        fmt::format("the system must give a port on 127.0.0.1: {}", std::strerror(errno)));
  const std::uint16_t port = local_port(door);
  return {door.release(), port};
}

}  // namespace sslrun::launch
