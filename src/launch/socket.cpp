#include "launch/socket.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <memory>

namespace sslrun::launch {
namespace {

constexpr std::size_t kMaxLine = 4096;

std::string digits_of(const sockaddr* address, socklen_t size) {
  std::array<char, NI_MAXHOST> host{};
  getnameinfo(address, size, host.data(), host.size(), nullptr, 0, NI_NUMERICHOST);
  const std::string text = host.data();
  return text.starts_with("::ffff:") ? text.substr(7) : text;
}

using NameOf = int (*)(int, sockaddr*, socklen_t*);

std::string address_of(int fd, NameOf name_of) {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  if (name_of(fd, reinterpret_cast<sockaddr*>(&address), &size) != 0) return {};
  return digits_of(reinterpret_cast<const sockaddr*>(&address), size);
}

/// Waits until a connection that was begun stands; 0 or an errno.
int finish_connect(int fd, Deadline deadline) {
  pollfd wait{fd, POLLOUT, 0};
  int ready = 0;
  do {
    ready = poll(&wait, 1, left_ms(deadline));
  } while (ready < 0 && errno == EINTR && left_ms(deadline) > 0);
  if (ready <= 0) return ETIMEDOUT;
  int error = 0;
  socklen_t size = sizeof error;
  getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size);
  return error;
}

}  // namespace

int left_ms(Deadline deadline) {
  const auto left =
      std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
  return static_cast<int>(std::clamp<std::int64_t>(left.count(), 0, 1'000'000'000));
}

Socket& Socket::operator=(Socket&& other) noexcept {
  std::swap(fd_, other.fd_);
  return *this;
}

Socket::~Socket() {
  if (fd_ >= 0) close(fd_);
}

Socket listen_at(std::uint16_t port, bool local) {
  const int on = 1, off = 0;
  sockaddr_in6 any{};
  any.sin6_family = AF_INET6;
  any.sin6_addr = in6addr_any;
  any.sin6_port = htons(port);
  sockaddr_in four{};
  four.sin_family = AF_INET;
  four.sin_addr.s_addr = htonl(local ? INADDR_LOOPBACK : INADDR_ANY);
  four.sin_port = htons(port);
  const auto bound = [&](Socket socket, const sockaddr* address, socklen_t size) {
    setsockopt(socket.fd(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(socket.fd(), address, size) != 0 || listen(socket.fd(), SOMAXCONN) != 0)
      return Socket();
    return socket;
  };
  // One socket for both generations of addresses, where the system has both.
  if (Socket both(local ? -1 : ::socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0)); both) {
    setsockopt(both.fd(), IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
    Socket listening = bound(std::move(both), reinterpret_cast<const sockaddr*>(&any), sizeof any);
    if (listening || errno == EADDRINUSE) return listening;
  }
  return bound(Socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)),
               reinterpret_cast<const sockaddr*>(&four),
               sizeof four);
}

Socket accept_from(const Socket& listener) {
  return Socket(accept4(listener.fd(), nullptr, nullptr, SOCK_CLOEXEC));
}

Socket connect_to(const std::string& host,
                  std::uint16_t port,
                  Deadline deadline,
                  std::string& why) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (const int error = getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &found);
      error != 0) {
    why = std::string("its name does not resolve (") + gai_strerror(error) + ")";
    return Socket();
  }
  const std::unique_ptr<addrinfo, void (*)(addrinfo*)> owned(found, freeaddrinfo);
  for (const addrinfo* a = found; a != nullptr; a = a->ai_next) {
    Socket socket(::socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    int error = socket && connect(socket.fd(), a->ai_addr, a->ai_addrlen) == 0 ? 0 : errno;
    if (error == EINPROGRESS) error = finish_connect(socket.fd(), deadline);
    if (error == 0) return socket;
    why = std::strerror(error);
  }
  return Socket();
}

bool receive(const Socket& socket, std::string& text) {
  std::array<char, 1024> bytes{};
  const ssize_t n = recv(socket.fd(), bytes.data(), bytes.size(), MSG_DONTWAIT);
  if (n > 0) text.append(bytes.data(), static_cast<std::size_t>(n));
  return (n > 0 && text.size() <= kMaxLine) ||
         (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR));
}

std::optional<std::string> receive_line(const Socket& socket,
                                        std::string& buffer,
                                        Deadline deadline) {
  for (;;) {
    if (const std::size_t end = buffer.find('\n'); end != std::string::npos) {
      const std::string line = buffer.substr(0, end);
      buffer.erase(0, end + 1);
      return line;
    }
    pollfd wait{socket.fd(), POLLIN, 0};
    const int ready = poll(&wait, 1, left_ms(deadline));
    if (ready == 0 || (ready < 0 && errno != EINTR)) return std::nullopt;
    if (ready > 0 && !receive(socket, buffer)) return std::nullopt;
  }
}

void send_line(const Socket& socket, const std::string& line) {
  const std::string text =
      line + "\n";  // shorter than any socket's buffer: goes at once or not at all
  (void)!send(socket.fd(), text.data(), text.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
}

std::uint16_t local_port(const Socket& socket) {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  if (getsockname(socket.fd(), reinterpret_cast<sockaddr*>(&address), &size) != 0) return 0;
  return ntohs(address.ss_family == AF_INET6
                   ? reinterpret_cast<const sockaddr_in6&>(address).sin6_port
                   : reinterpret_cast<const sockaddr_in&>(address).sin_port);
}

std::string local_address(const Socket& socket) {
  return address_of(socket.fd(), getsockname);
}

std::string peer_address(const Socket& socket) {
  return address_of(socket.fd(), getpeername);
}

bool is_loopback(const std::string& address) {
  return address.empty() || address.starts_with("127.") || address == "::1";
}

std::optional<std::string> interface_address(const std::string& name) {
  ifaddrs* first = nullptr;
  if (getifaddrs(&first) != 0) return std::nullopt;
  const std::unique_ptr<ifaddrs, void (*)(ifaddrs*)> owned(first, freeifaddrs);
  for (const int family : {AF_INET, AF_INET6}) {
    for (const ifaddrs* i = first; i != nullptr; i = i->ifa_next) {
      if (i->ifa_addr == nullptr || i->ifa_addr->sa_family != family) continue;
      if ((i->ifa_flags & IFF_UP) == 0 || (i->ifa_flags & IFF_LOOPBACK) != 0) continue;
      if (!name.empty() && name != i->ifa_name) continue;
      return digits_of(i->ifa_addr, family == AF_INET ? sizeof(sockaddr_in) : sizeof(sockaddr_in6));
    }
  }
  return std::nullopt;
}

}  // namespace sslrun::launch
