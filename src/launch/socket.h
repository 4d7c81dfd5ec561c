// TCP sockets, as little as the meeting of the ranks needs.
#pragma once
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>

namespace sslrun::launch {

using Deadline = std::chrono::steady_clock::time_point;

/// Milliseconds left, 0 when it is over.
int left_ms(Deadline deadline);

/// Owns a descriptor; -1: none.
class Socket {
 public:
  explicit Socket(int fd = -1) : fd_(fd) {}

  Socket(Socket&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}

  Socket& operator=(Socket&& other) noexcept;
  ~Socket();

  int fd() const { return fd_; }

  int release() { return std::exchange(fd_, -1); }

  explicit operator bool() const { return fd_ >= 0; }

 private:
  int fd_;
};

/// Listens at `port` of every interface, 0: one that the system chooses; of the loopback alone where
/// `local`. None, with errno, where it is taken.
Socket listen_at(std::uint16_t port, bool local);
Socket accept_from(const Socket& listener);

/// None, with the reason in words, where nobody answers within the deadline.
Socket connect_to(const std::string& host, std::uint16_t port, Deadline deadline, std::string& why);

/// The next bytes that are there go to `text`; false when the other side has closed.
bool receive(const Socket& socket, std::string& text);
/// One line without its end, waiting until the deadline; bytes behind it stay in `buffer`.
std::optional<std::string> receive_line(const Socket& socket,
                                        std::string& buffer,
                                        Deadline deadline);
void send_line(const Socket& socket, const std::string& line);

std::uint16_t local_port(const Socket& socket);
/// In digits.
std::string local_address(const Socket& socket);
std::string peer_address(const Socket& socket);
bool is_loopback(const std::string& address);

/// The address of an interface that is up and not the loopback, of `name` alone where it is not
/// empty; nothing where there is none.
std::optional<std::string> interface_address(const std::string& name);

}  // namespace sslrun::launch
