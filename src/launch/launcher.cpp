#include "launch/launcher.h"

#include "base/error.h"
#include "base/file.h"
#include "base/host.h"
#include "launch/meeting.h"
#include "launch/socket.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <optional>

extern char** environ;

namespace sslrun::launch {
namespace {

constexpr int kPeerLost = 9, kRunAgain = 75, kCannotStart = 127;
constexpr std::size_t kTailBytes = 4096;
constexpr std::array kForwarded = {SIGINT, SIGTERM, SIGUSR1, SIGUSR2, SIGHUP};

bool is_stop_status(int status) {
  return status == kRunAgain || status == 128 + SIGINT || status == 128 + SIGTERM;
}

struct Rank {
  pid_t process = -1;
  Socket output;             // what it writes; none of rank 0
  std::string tail;          // the last of it
  std::optional<int> ended;  // as waitpid says
};

/// The signals that we hand on, and the end of a child, come as bytes while this lives.
class Signals {
 public:
  Signals() {
    sigset_t ours;
    sigemptyset(&ours);
    sigaddset(&ours, SIGCHLD);
    for (const int number : kForwarded) sigaddset(&ours, number);
    sigprocmask(SIG_BLOCK, &ours, &before_);
    source_ = Socket(signalfd(-1, &ours, SFD_CLOEXEC | SFD_NONBLOCK));
  }

  ~Signals() { sigprocmask(SIG_SETMASK, &before_, nullptr); }

  Signals(const Signals&) = delete;
  Signals& operator=(const Signals&) = delete;

  int fd() const { return source_.fd(); }

  /// 0 where none waits.
  int next() const {
    signalfd_siginfo info{};
    return read(source_.fd(), &info, sizeof info) == sizeof info ? static_cast<int>(info.ssi_signo)
                                                                 : 0;
  }

  const sigset_t& before() const { return before_; }

 private:
  sigset_t before_{};
  Socket source_;
};

std::vector<char*> pointers(const std::vector<std::string>& words) {
  std::vector<char*> out;
  for (const std::string& word : words) out.push_back(const_cast<char*>(word.c_str()));
  out.push_back(nullptr);
  return out;
}

class Ranks {
 public:
  Ranks(const std::vector<std::string>& command, int count) {
    OpenDoor door = open_door();
    const Socket owned(
        door.fd);  // rank 0 has its own copy; here it is closed when all have started
    for (int rank = 0; rank < count; ++rank) start(command, rank, count, door);
  }

  ~Ranks() {
    tell(SIGKILL);
    for (Rank& rank : ranks_)
      if (!rank.ended) waitpid(rank.process, nullptr, 0);
  }

  Ranks(const Ranks&) = delete;
  Ranks& operator=(const Ranks&) = delete;

  Outcome wait(std::chrono::milliseconds grace) {
    std::optional<Deadline> patience;
    while (alive()) {
      listen(patience ? left_ms(*patience) : -1);
      while (const int number = signals_.next())
        if (number != SIGCHLD) tell(number);
      reap();
      if (!patience && !failed_.empty() && alive()) {
        tell(SIGTERM);
        patience = std::chrono::steady_clock::now() + grace;
      }
      if (patience && left_ms(*patience) == 0) {
        tell(SIGKILL);
        patience = Deadline::max();  // told once
      }
    }
    return outcome();
  }

 private:
  void start(const std::vector<std::string>& command, int number, int count, const OpenDoor& door) {
    std::vector<std::string> environment;
    for (char** e = environ; *e != nullptr; ++e) environment.emplace_back(*e);
    environment.push_back(fmt::format("SSLRUN_RANK={}", number));
    environment.push_back(fmt::format("SSLRUN_WORLD_SIZE={}", count));
    environment.push_back(fmt::format("SSLRUN_PORT={}", door.port));
    if (number == 0) environment.push_back(fmt::format("SSLRUN_DOOR={}", door.fd));
    const auto arguments = pointers(command), variables = pointers(environment);
    std::array<int, 2> output{-1, -1};
    const pid_t parent = getpid();
    const bool piped = number > 0;
    const pid_t process = piped && pipe2(output.data(), O_CLOEXEC) != 0 ? -1 : fork();
    if (process < 0)
      throw PeerError(fmt::format(
          "{} processes must start, and the system refused one: {}", count, std::strerror(errno)));
    if (process == 0) {  // only what a signal handler might do
      setpgid(0, 0);     // the terminal's Ctrl-C comes through us, once
      prctl(PR_SET_PDEATHSIG, SIGKILL);
      if (getppid() != parent) _exit(kCannotStart);
      if (piped) {
        dup2(output[1], STDOUT_FILENO);
        dup2(output[1], STDERR_FILENO);
      } else {
        fcntl(door.fd, F_SETFD, 0);
      }
      for (const int ours : kForwarded) std::signal(ours, SIG_DFL);
      sigprocmask(SIG_SETMASK, &signals_.before(), nullptr);
      execve(arguments[0], arguments.data(), variables.data());
      _exit(kCannotStart);
    }
    Rank& rank = ranks_.emplace_back();
    rank.process = process;
    rank.output = Socket(output[0]);
    if (piped) {
      close(output[1]);
      fcntl(rank.output.fd(), F_SETFL, O_NONBLOCK);
    }
  }

  bool alive() const {
    return std::any_of(ranks_.begin(), ranks_.end(), [](const Rank& r) { return !r.ended; });
  }

  void tell(int number) {
    told_.push_back(number);
    for (const Rank& rank : ranks_)
      if (!rank.ended) kill(rank.process, number);
  }

  /// Until something happens; keeps what the ranks write.
  void listen(int timeout_ms) {
    std::vector<pollfd> wait{{signals_.fd(), POLLIN, 0}};
    for (const Rank& rank : ranks_) wait.push_back({rank.output.fd(), POLLIN, 0});
    poll(wait.data(), wait.size(), timeout_ms);
    for (Rank& rank : ranks_)
      if (rank.output) keep_output(rank);
  }

  static void keep_output(Rank& rank) {
    std::array<char, 4096> bytes{};
    ssize_t n = 0;
    while ((n = read(rank.output.fd(), bytes.data(), bytes.size())) > 0) {
      rank.tail.append(bytes.data(), static_cast<std::size_t>(n));
      if (rank.tail.size() > kTailBytes) rank.tail.erase(0, rank.tail.size() - kTailBytes);
    }
    if (n == 0) rank.output = Socket();  // closed: poll would return at once
  }

  void reap() {
    for (std::size_t i = 0; i < ranks_.size(); ++i) {
      int ended = 0;
      if (ranks_[i].ended || waitpid(ranks_[i].process, &ended, WNOHANG) <= 0) continue;
      ranks_[i].ended = ended;
      if (ranks_[i].output) keep_output(ranks_[i]);
      if (!is_stop(ended) && ended != 0) failed_.push_back(i);
    }
  }

  /// Stopped and saved, or ended by a signal of ours before it could.
  bool is_stop(int ended) const {
    if (WIFEXITED(ended)) return is_stop_status(WEXITSTATUS(ended));
    return std::find(told_.begin(), told_.end(), WTERMSIG(ended)) != told_.end();
  }

  int status_of(int ended) const {
    if (WIFEXITED(ended)) return WEXITSTATUS(ended);
    const int number = WTERMSIG(ended);
    if (!is_stop(ended) || number == SIGKILL) return kPeerLost;
    return number == SIGINT || number == SIGTERM ? 128 + number : kRunAgain;
  }

  /// Of several failures the cause: a rank that lost another one fails too, maybe sooner.
  std::size_t cause() const {
    for (const std::size_t i : failed_) {
      const int ended = *ranks_[i].ended;
      if (!WIFEXITED(ended) || WEXITSTATUS(ended) != kPeerLost) return i;
    }
    return failed_.front();
  }

  Outcome outcome() const {
    if (failed_.empty()) {
      for (const Rank& rank : ranks_)
        if (const int status = status_of(*rank.ended); status != 0) return {status, {}};
      return {};
    }
    const std::size_t first = cause();
    const Rank& rank = ranks_[first];
    const int ended = *rank.ended, status = status_of(ended);
    std::string words = fmt::format("rank {} on '{}' ", first, host_name());
    if (WIFEXITED(ended)) {
      words += fmt::format("ended with exit status {}", status);
    } else {
      words +=
          fmt::format("was killed by signal {} ({})", WTERMSIG(ended), strsignal(WTERMSIG(ended)));
      if (WTERMSIG(ended) == SIGKILL) words += ", as the system does where memory runs out";
    }
    words += ranks_.size() > 1 ? "; the other ranks were stopped" : "";
    // Rank 0 has said its own, and what it shares with the others.
    const int of_first = *ranks_[0].ended;
    const bool told =
        WIFEXITED(of_first) && WIFEXITED(ended) && WEXITSTATUS(of_first) == WEXITSTATUS(ended);
    if (!told && !rank.tail.empty()) words += "; its last words:\n" + rank.tail;
    return {status, words};
  }

  const Signals signals_;
  std::vector<Rank> ranks_;
  std::vector<std::size_t> failed_;  // in the order of their ends
  std::vector<int> told_;            // the signals that they were sent
};

}  // namespace

Outcome run_ranks(const std::vector<std::string>& command,
                  int count,
                  std::chrono::milliseconds grace) {
  return Ranks(command, count).wait(grace);
}

std::vector<std::string> own_command() {
  std::vector<std::string> words;
  std::string all = read_file("/proc/self/cmdline");
  for (std::size_t at = 0; at < all.size(); at += words.back().size() + 1)
    words.emplace_back(all.c_str() + at);
  words.front() = std::filesystem::read_symlink("/proc/self/exe").string();
  return words;
}

}  // namespace sslrun::launch
