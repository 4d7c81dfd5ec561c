// Programs that a case starts.
#pragma once
#include <sched.h>
#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace sslrun::bench {

/// The processors that a child started in this scope may use: the first n of ours.
class Pinned {
 public:
  explicit Pinned(std::int64_t n);
  ~Pinned();
  Pinned(const Pinned&) = delete;
  Pinned& operator=(const Pinned&) = delete;

 private:
  cpu_set_t before_;
};

/// A process of ours that does not outlive the object.
class Child {
 public:
  /// Starts command[0], a path, with what it says on stderr in the file `words`.
  /// errors    StorageError where it cannot be started.
  Child(const std::vector<std::string>& command, const std::filesystem::path& words);
  ~Child();
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  pid_t pid() const { return pid_; }

  /// Waits for its end; whether it exited with 0.
  bool succeeded();

 private:
  pid_t pid_ = 0;
  bool ended_ = false;
};

}  // namespace sslrun::bench
