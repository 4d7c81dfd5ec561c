#include "bench/child.h"

#include "base/error.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

extern char** environ;

namespace sslrun::bench {

Pinned::Pinned(std::int64_t n) {
  CPU_ZERO(&before_);
  sched_getaffinity(0, sizeof before_, &before_);
  cpu_set_t first;
  CPU_ZERO(&first);
  for (std::size_t cpu = 0; cpu < CPU_SETSIZE && CPU_COUNT(&first) < n; ++cpu) {
    if (CPU_ISSET(cpu, &before_)) CPU_SET(cpu, &first);
  }
  sched_setaffinity(0, sizeof first, &first);
}

Pinned::~Pinned() {
  sched_setaffinity(0, sizeof before_, &before_);
}

Child::Child(const std::vector<std::string>& command, const std::filesystem::path& words) {
  std::vector<char*> arguments;
  for (const std::string& word : command) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
  posix_spawn_file_actions_addopen(
      &actions, STDERR_FILENO, words.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0644);
  const int error = posix_spawn(&pid_, arguments[0], &actions, nullptr, arguments.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  if (error != 0)
    throw StorageError(fmt::format("bench: '{}' must start: {}", command[0], std::strerror(error)));
}

Child::~Child() {
  if (ended_) return;
  kill(pid_, SIGKILL);
  succeeded();
}

bool Child::succeeded() {
  int status = 0;
  while (waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
  }
  ended_ = true;
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

}  // namespace sslrun::bench
